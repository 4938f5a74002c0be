import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { bytes } from '../core/plural.ts';
import { freeSpaceArgv, freeSpaceOf, inodesOf } from '../docker/plan/free-space.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { composeOf } from '../reconcile/own-volume.ts';
import { isOfFirst } from '../stack/processes/place.ts';
import { containersOf } from '../stack/roles.ts';
import type { Role } from '../stack/types.ts';
import { quotaCheck, roomCheck } from './plan/disk-room.ts';

/** Who writes to which data. */
const WRITERS: readonly { role: Role; id: string; what: string }[] = [
  { role: 'database', id: 'database', what: 'the database' },
  { role: 'application', id: 'uploads', what: 'uploads' },
  { role: 'repository', id: 'repository', what: 'the repository' },
];

/** The room on the disks of what is written, and in the quota of uploads. A container that does not run, or has no `stat`, does not say. */
export async function roomChecks(seen: Seen): Promise<Check[]> {
  const { manifest, containers, engine, project } = seen;
  if (!manifest) return [];
  const { settings } = project.loaded;
  const running = containers.filter(({ state }) => state === 'running');
  const ask = async ({ id }: ObservedContainer, argv: string[]) => {
    const asked = await engine.exec(id, argv).catch(() => undefined);
    return asked?.exitCode === 0 ? asked.output : '';
  };
  const composed = composeOf(manifest);
  const rooms = await Promise.all(
    WRITERS.map(async ({ role, id, what }) => {
      const free = await Promise.all(
        containersOf(running, manifest.services, role).map(async (container) => {
          // Its data is in the first that it mounts.
          const [data] = (composed[container.service]?.volumes ?? []) as { target: string; type: string }[];
          const answer =
            data === undefined || (role === 'application' && data.type !== 'volume')
              ? ''
              : await ask(container, freeSpaceArgv(data.target));
          const bytes = freeSpaceOf(answer);
          return bytes === undefined ? [] : [{ free: bytes, inodes: inodesOf(answer) }];
        }),
      );
      // Members may have disks of their own: the fullest counts.
      const [least] = free.flat().sort((a, b) => a.free - b.free);
      return least ? [roomCheck({ what, id, ...least }, settings.diskReserve, bytes)] : [];
    }),
  );
  const replica = containersOf(running, manifest.services.filter(isOfFirst), 'application')[0];
  const portal = replica && !(settings.app as { image?: string }).image;
  const quota = portal ? quotaCheck(await ask(replica, ['node', '/app/src/upload-room.js']), bytes) : undefined;
  return [...rooms.flat(), ...(quota ? [quota] : [])];
}
