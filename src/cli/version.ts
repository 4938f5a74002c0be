import { type Command, done } from '../capability/capability.ts';

export const version: Command = {
  name: 'version',
  section: 'Machine',
  summary: 'The versions of medianest and of what it runs on',
  example: 'medianest version --json',
  run: async (context) => {
    const { checkCompose } = await import('../docker/compose.ts');
    const { SETTINGS_VERSION } = await import('../settings/migrations.ts');
    const { STATE_VERSION } = await import('../stack/manifest.ts');
    const [engine, compose] = await Promise.all([
      context.engine().then(
        (reached) =>
          reached.info().then(
            (info) => info.version,
            () => null,
          ),
        () => null,
      ),
      context.docker().then((cli) => checkCompose(cli).catch(() => null)),
    ]);
    const versions = {
      medianest: context.version,
      settings: SETTINGS_VERSION,
      state: STATE_VERSION,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      engine,
      compose,
    };
    const lines = Object.entries(versions).map(([name, value]) => `${name.padEnd(10)} ${value ?? 'not there'}`);
    return done(versions, lines.join('\n'));
  },
};
