import { statfsSync } from 'node:fs';
import type { Context, Project } from '../../capability/capability.ts';
import { engineAddress } from '../../docker/address.ts';
import { freeSpaceArgv, freeSpaceOf } from '../../docker/plan/free-space.ts';
import { nearest } from '../../host/host-storage.ts';
import type { Disk } from '../plan/disk.ts';

/** Containers that are asked before the host is: not every image has `stat`. */
const ASKED = 3;

/** The free space of the disks that medianest's own things are on. */
export async function readDisks(context: Context, project: Project): Promise<Disk[]> {
  return [
    { id: 'engine', what: 'the engine’s disk', free: await engineFree(context, project) },
    { id: 'state', what: 'the disk of the state folder', free: freeOf(nearest(project.state.root)) },
  ];
}

/**
 * Of the disk with images and containers: a container's own `/` is on it, wherever the engine keeps it and whatever machine it is on.
 * Where none runs, the folder of an engine on this machine is asked.
 */
async function engineFree(context: Context, { loaded }: Project): Promise<number | null> {
  const engine = await context.engine();
  const running = (await engine.observe(loaded.settings.project)).filter(({ state }) => state === 'running');
  for (const { id } of running.slice(0, ASKED)) {
    const asked = await engine.exec(id, freeSpaceArgv('/')).catch(() => undefined);
    const free = asked?.exitCode === 0 ? freeSpaceOf(asked.output) : undefined;
    if (free !== undefined) return free;
  }
  return engineAddress(context.env).local ? freeOf((await engine.info()).rootDir) : null;
}

/** Bytes; null where the file system cannot be asked. */
function freeOf(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
