import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { textOf } from '../../core/flags.ts';

export const adopt: Command = {
  name: 'adopt',
  section: 'Start',
  summary: 'Read a Compose project that runs elsewhere, propose medianest.yml for it, and say how its data comes here',
  example: 'medianest adopt ../shop/docker-compose.yml',
  args: '<compose-file>',
  options: [
    ['--write', 'Write medianest.yml and the files of its secrets; without it they are only shown'],
    ['--app <service>', 'Which of its services is the application, where that is not plain'],
  ],
  run: async (context, [file], options) => {
    if (file === undefined) throw new UserError('USAGE', 'the compose file is missing', 'medianest adopt docker-compose.yml');
    const { readProject } = await import('../read-project.ts');
    const { propose } = await import('../plan/propose.ts');
    const { report } = await import('../plan/report.ts');
    const { componentsOf, loadInput } = await import('../../project/load-settings.ts');
    const { settingsFile, writeSettings } = await import('../../init/write-settings.ts');
    const target = options.write === true ? settingsFile(context) : undefined;
    const found = await readProject(context, file);
    const app = textOf(options.app);
    const names = found.project.services.map(({ name }) => name);
    if (app !== undefined && !names.includes(app))
      throw new UserError('USAGE', `--app ${app}: the project has no such service`, `one of ${names.join(', ')}`);
    const profile = context.flags.profile ?? 'prod';
    const proposal = propose(found, { app, profile, components: componentsOf(await loadInput(context), profile) });
    if (!proposal)
      throw new UserError(
        'USAGE',
        `which service of ${file} is the application is not plain: ${names.join(', ')}`,
        'name it: --app SERVICE',
      );
    const { settings, secrets, services, left, notes, commands } = proposal;
    const write = target !== undefined && !context.flags.dryRun;
    const dry = { ...context, flags: { ...context.flags, dryRun: !write } };
    const written = await writeSettings(dry, target ?? 'medianest.yml', { settings, secrets, by: 'medianest adopt' });
    const files = write ? [target, ...written.secrets] : [];
    const named = secrets.map(({ path }) => path.join('.'));
    return done(
      { settings: written.settings, secrets: named, services, left, notes, commands, written: files },
      report({ ...proposal, commands: write ? commands.slice(1) : commands }, written.text, files),
    );
  },
};
