import { backedUp, withRole } from '../../stack/roles.ts';
import type { Mount, Service, Stack } from '../../stack/types.ts';

/*
 * What of a stack a backup holds, as its blueprints say: by role and by the mounts that they mark, never by a component's name.
 */

type Holds = Pick<Stack, 'services'>;

/** The containers that hold the database, each in its first mount. */
export const databaseMembers = ({ services }: Holds): Service[] => withRole(services, 'database');

/** Whether the database is kept as dumps: of a single server, without WAL. Otherwise pgBackRest takes it, and its WAL. */
export const keepsDumps = (stack: Holds): boolean => databaseMembers(stack).some((server) => backedUp(server, 'dump').length > 0);

/** The nodes of the cache whose contents a backup holds: a single server has nothing that is marked. */
export const cacheNodes = ({ services }: Holds): { name: string; mounts: Mount[] }[] =>
  withRole(services, 'cache').flatMap((service) => {
    const mounts = backedUp(service, 'redis');
    return mounts.length > 0 ? [{ name: service.name, mounts }] : [];
  });

/** How many nodes lead while all of the cache is there: three masters of a cluster, one of a leader and its follower. */
export function leadersOfCache(stack: Holds): number {
  const { length } = cacheNodes(stack);
  return length > 2 ? 3 : Math.min(length, 1);
}

/** Why the cache of a set fits no node of this stack, which runs its cache in another mode; undefined where it fits, or the set has none. */
export function cacheOfOtherMode(stack: Holds, { cacheLeaders }: { cacheLeaders: readonly string[] }): string | undefined {
  const names = cacheNodes(stack).map(({ name }) => name);
  if (cacheLeaders.length === 0 || names.length === 0 || cacheLeaders.some((name) => names.includes(name))) return undefined;
  return `not restored: the cache, which the set has of ${cacheLeaders.join(', ')} and this stack keeps in ${names.join(', ')}; it stays as it is
  Fix: set cache.mode as it was then, medianest up, and restore again with --only redis`;
}

/** A volume of files, and what it is called in a set: `uploads`, which all replicas mount first, and the application's own, `volumes/own-data`. */
export interface FilePlace {
  part: string;
  mount: Mount;
}

/** Every volume of the application whose files a backup holds, each once, the uploads first. */
export function filePlaces({ services }: Holds): FilePlace[] {
  const mounts = withRole(services, 'application').flatMap((service) => backedUp(service, 'files'));
  const once = new Map(mounts.map((mount) => [mount.source, mount]));
  return [...once.values()].map((mount, index) => ({ part: index === 0 ? 'uploads' : `volumes/${mount.source}`, mount }));
}

/** What a set has of volumes that the application has no more, or not yet; undefined where that is nothing. @param parts of the set */
export function leftInSet(parts: readonly string[], places: readonly FilePlace[]): string | undefined {
  const names = parts.flatMap((part) =>
    part.startsWith('volumes/') && !places.some((place) => place.part === part) ? [part.slice('volumes/'.length)] : [],
  );
  if (names.length === 0) return undefined;
  return `not restored: ${names.join(', ')}, for which \`app.volumes\` has no place now; they stay in the set\n  Fix: set app.volumes as it was then, medianest up, and restore again with --only files`;
}

/** The application’s first container; undefined where the application runs elsewhere. */
export const applicationOf = ({ services }: Holds): Service | undefined => withRole(services, 'application')[0];

/** The repository host. */
export const repositoryHost = ({ services }: Holds): Service | undefined => withRole(services, 'repository')[0];
