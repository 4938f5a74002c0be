import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const cdnPurge: Command = {
  name: 'cdn purge',
  summary: 'Remove static files from the edge’s cache: one path, all that start so (PATH*), or everything',
  example: "medianest cdn purge '/assets/*'",
  args: '[path]',
  run: async (context, [path]) => {
    const { open, requireManifest } = await import('../../project/open.ts');
    const { namesOf } = await import('../../stack/roles.ts');
    const { composeArgs } = await import('../../docker/compose.ts');
    const { composeFiles } = await import('../../reconcile/compose-project.ts');
    const { loaded, state } = await open(context);
    if (path !== undefined && !/^\/[^\s*]*\*?$/.test(path)) {
      throw new UserError(
        'USAGE',
        `${JSON.stringify(path)} is no path of the portal`,
        "for example `medianest cdn purge /app.css`, or '/assets/*'",
      );
    }
    const [way] = namesOf(requireManifest(state).services, 'edge');
    if (loaded.settings.components.cdn !== true || !way) {
      throw new UserError('NOT_RUNNING', `profile ${loaded.profile} has no cache of static files to purge`, 'components: { cdn: true }');
    }
    const what = path ?? 'every file';
    if (context.flags.dryRun) return done({ path: path ?? null, removed: null }, `would remove ${what} from the cache`);
    const { refuseForeign } = await import('../../reconcile/refuse-foreign.ts');
    const { project } = loaded.settings;
    refuseForeign(project, await (await context.engine()).observe(project), state.root);
    const docker = await context.docker();
    const purge = ['exec', '--no-TTY', way, '/usr/local/bin/purge', ...(path === undefined ? [] : [path])];
    const { exitCode, stdout, tail } = await docker.run(composeArgs(project, state.root, composeFiles(state), ...purge), {
      signal: context.signal,
    });
    if (exitCode !== 0) {
      throw new UserError(
        'NOT_RUNNING',
        `the edge’s cache was not purged: ${tail.at(-1) ?? `status ${exitCode}`}`,
        'medianest logs edge shows why',
      );
    }
    const removed = Number(stdout.trim());
    return done({ path: path ?? null, removed }, `removed ${removed} cached ${removed === 1 ? 'copy' : 'copies'} (${what})`);
  },
};
