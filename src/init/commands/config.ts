import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';

/** A longer value pushes its own origin aside, and not that of all the others. */
const VALUE_WIDTH = 24;

export const configShow: Command = {
  name: 'config show',
  summary: 'The merged settings, each with its origin; secrets redacted',
  example: 'medianest config show --profile dev-compose',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { flattenSettings, withoutPasswords } = await import('../../settings/flatten.ts');
    const { loaded } = await open(context);
    const settings = withoutPasswords(loaded.settings);
    const entries = flattenSettings(settings, loaded.origins);
    const origins = Object.fromEntries(entries.map(({ path, origin }) => [path, origin]));
    const names = Math.max(...entries.map(({ path }) => path.length)) + 1;
    const lines = entries.map(
      ({ path, value, origin }) => `${`${path}:`.padEnd(names)}  ${JSON.stringify(value).padEnd(VALUE_WIDTH)}  # ${origin}`,
    );
    return done({ profile: loaded.profile, file: loaded.configFile ?? null, settings, origins }, lines.join('\n'));
  },
};

export const configValidate: Command = {
  name: 'config validate',
  summary: 'Check medianest.yml and the profile; every problem with its line and the nearest valid key, and what has no effect',
  example: 'medianest config validate --config ./medianest.yml',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { prepare } = await import('../../reconcile/prepare.ts');
    const { loaded } = await open(context);
    const warnings = (await prepare(context, loaded, { unchecked: true })).advice();
    for (const line of warnings) context.report.warn(line);
    const file = loaded.configFile ?? 'no medianest.yml, so the defaults';
    return done(
      { valid: true, profile: loaded.profile, file: loaded.configFile ?? null, warnings },
      `valid: ${file}, profile ${loaded.profile}`,
    );
  },
};

export const configSchema: Command = {
  name: 'config schema',
  summary: 'A JSON Schema of medianest.yml, from which editors complete and check it',
  example: 'medianest config schema --out medianest.schema.json',
  options: [['--out <file>', 'Write it there; the line that tells an editor is printed']],
  run: async (context, _args, options) => {
    const { settingsJsonSchema } = await import('../../settings/json-schema.ts');
    const { listProfiles, loadInput } = await import('../../project/load-settings.ts');
    const { writeAtomic } = await import('../../core/files.ts');
    const names = listProfiles(await loadInput(context)).map(({ name }) => name);
    const schema = settingsJsonSchema(await context.registry(), names);
    if (typeof options.out !== 'string') return done(schema, JSON.stringify(schema, null, 2));
    writeAtomic(path.resolve(context.cwd, options.out), `${JSON.stringify(schema, null, 2)}\n`, 0o644, 'with --out');
    return done({ file: options.out }, `the first line of medianest.yml then is\n# yaml-language-server: $schema=${options.out}`);
  },
};
