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

/** Where the uploads are: all replicas of the application mount the same volume. */
export const uploadsOf = ({ services }: Holds): Mount | undefined =>
  withRole(services, 'application').flatMap((service) => backedUp(service, 'files'))[0];

/** The application’s first container; undefined where the application runs elsewhere. */
export const applicationOf = ({ services }: Holds): Service | undefined => withRole(services, 'application')[0];

/** The repository host. */
export const repositoryHost = ({ services }: Holds): Service | undefined => withRole(services, 'repository')[0];
