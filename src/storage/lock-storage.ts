import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import type { ObservedVolume } from '../docker/types.ts';
import { removeKey } from '../host/fscrypt.ts';
import { withLock } from '../project/with-lock.ts';
import { requireRoot } from './open-storage.ts';
import { lookAtStorage } from './store.ts';

const PATIENCE_MS = 15_000;

/**
 * Takes the key from the kernel. @returns whether it was there
 * @throws UserError FOREIGN_STATE while a container runs, PARTIAL where files stay open
 */
export async function lockStorage(context: Context, project: Project): Promise<{ changed: boolean }> {
  const name = project.loaded.settings.project;
  return withLock(
    context,
    project.state,
    'storage lock',
    async (_lock, record) => {
      const { state, header, places } = lookAtStorage(project);
      if (state.is === 'astray') throw new UserError('FOREIGN_STATE', `${state.why}; nothing was changed`, state.remedy);
      if (state.is === 'new' || state.is === 'locked') return { changed: false };
      requireRoot();
      if (!header)
        throw new UserError(
          'STATE_DAMAGED',
          `${places.header} is missing, and it says which key is to go; nothing was changed`,
          'put a copy of it back (docs/encryption.md); or unmount the disk, which takes the key from the kernel too',
          { path: places.header },
        );
      const engine = await context.engine();
      const running = (await engine.observe(name)).filter((container) => container.state === 'running');
      if (running.length > 0)
        throw new UserError(
          'FOREIGN_STATE',
          `${name} runs (${running.length} containers), and would work on with files that are open; nothing was changed`,
          'medianest down; then run the same command again',
        );
      await refuseBeside(context, await engine.volumes(), places.volumes);
      record(['storage lock']);
      // The engine unmounts volumes a moment after their containers have ended.
      const gone = () => removeKey(places.folder, header.key) === 'absent' || undefined;
      if (await poll(gone, { every: 500, timeout: PATIENCE_MS, signal: context.signal })) return { changed: true };
      throw new UserError(
        'PARTIAL',
        `the key is removed, and files in ${places.volumes} are still open: these can be read until they are closed`,
        `close them (sudo fuser --verbose --mount ${places.volumes} names the programs), and run the same command again`,
      );
    },
    { resumes: 'storage', keepsData: true },
  );
}

/** A preview has its data there, too. @throws UserError FOREIGN_STATE while a container uses it */
async function refuseBeside(context: Context, volumes: readonly ObservedVolume[], within: string): Promise<void> {
  const bound = volumes.filter(({ device }) => device?.startsWith(`${within}/`));
  if (bound.length === 0) return;
  const filters = bound.flatMap(({ name }) => ['--filter', `volume=${name}`]);
  const { exitCode, stdout, tail } = await (await context.docker()).run(['ps', '--format', '{{.Names}}', ...filters]);
  if (exitCode !== 0)
    throw new UserError('ENGINE_FAILED', `docker ps: ${tail.at(-1) ?? 'no answer'}; nothing was changed`, 'run the same command again');
  const users = stdout.split('\n').filter(Boolean);
  if (users.length === 0) return;
  throw new UserError(
    'FOREIGN_STATE',
    `${users.join(', ')} ${users.length > 1 ? 'use' : 'uses'} data in ${within}; nothing was changed`,
    'end it (a preview: medianest preview remove NAME), and run the same command again',
  );
}
