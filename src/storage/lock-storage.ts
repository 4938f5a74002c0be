import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
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
      const running = (await (await context.engine()).observe(name)).filter((container) => container.state === 'running');
      if (running.length > 0)
        throw new UserError(
          'FOREIGN_STATE',
          `${name} runs (${running.length} containers), and would work on with files that are open; nothing was changed`,
          'medianest down; then run the same command again',
        );
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
