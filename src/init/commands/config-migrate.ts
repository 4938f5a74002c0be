import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const configMigrate: Command = {
  name: 'config migrate',
  summary: 'Write medianest.yml in the newest version of its format; comments stay, and the old file is kept beside it',
  example: 'medianest config migrate --dry-run',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { migrateFile } = await import('../migrate-settings.ts');
    const { loaded, state } = await open(context);
    if (loaded.configFile === undefined)
      throw new UserError('USAGE', 'there is no medianest.yml to migrate', 'name it with --config, or make one: medianest init');
    const outcome = await migrateFile(context, state, loaded.configFile);
    const changes = outcome.changes.map((line) => `- ${line}`);
    const first = {
      current: `nothing to do: ${outcome.file} is of version ${outcome.to}, the newest`,
      planned: `would write ${outcome.file} in version ${outcome.to}:`,
      migrated: `${outcome.file} is of version ${outcome.to} now; the old one is ${outcome.kept}`,
    }[outcome.result];
    return done(outcome, [first, ...changes].join('\n'));
  },
};
