import { backedUp, namesOf, withRole } from '../../stack/roles.ts';
import type { Mount, Service, Stack } from '../../stack/types.ts';

/** What a backup is made of, by what the blueprints say. */

/** The members of the database. */
export const databaseMembers = ({ services }: Pick<Stack, 'services'>): Service[] => withRole(services, 'database');

/** The nodes of the cache whose data a backup holds; none where the cache is not kept. */
export const cacheNodes = ({ services }: Pick<Stack, 'services'>): Service[] =>
  services.filter((service) => backedUp(service, 'redis').length > 0);

/** A replica of the application: all of them mount the same uploads. */
export const applicationOf = ({ services }: Pick<Stack, 'services'>): Service | undefined => withRole(services, 'application')[0];

/** Where the application keeps uploads; undefined where it has none. */
export function uploadsMount(stack: Pick<Stack, 'services'>): Mount | undefined {
  const app = applicationOf(stack);
  return app && backedUp(app, 'files')[0];
}

/** What uses the data of these parts, and so stops while they are replaced. */
export const usersOf = (stack: Pick<Stack, 'services'>, parts: { db: boolean; redis: boolean }): string[] => [
  ...namesOf(stack.services, 'application'),
  ...(parts.db ? databaseMembers(stack).map(({ name }) => name) : []),
  ...(parts.redis ? cacheNodes(stack).map(({ name }) => name) : []),
];
