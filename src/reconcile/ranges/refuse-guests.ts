import { UserError } from '../../core/errors.ts';
import { canonical } from '../../core/hash.ts';
import type { Engine } from '../../docker/types.ts';
import type { Stack } from '../../stack/types.ts';
import { composeNetworks } from '../plan/change.ts';
import { networkName } from './isolation.ts';

/**
 * A network with other addresses or options is removed and created again, which the engine refuses while a container of another
 * project is in it: by then everything of ours would have been stopped.
 * @throws UserError NETWORK_SHARED
 */
export async function refuseGuests(stack: Stack, before: string | undefined, after: string | undefined, engine: Engine): Promise<void> {
  const [old, now] = [composeNetworks(before), composeNetworks(after)];
  const replaced = stack.networks.filter(({ name }) => old[name] !== undefined && canonical(old[name]) !== canonical(now[name] ?? null));
  if (replaced.length === 0) return;
  const [guest] = await engine.guests(
    stack.project,
    replaced.map(({ name }) => networkName(stack.project, name)),
  );
  if (!guest) return;
  throw new UserError(
    'NETWORK_SHARED',
    `the network ${guest.network} has to be replaced, and ${guest.container}, which is not of this project, is in it; nothing was changed`,
    `docker network disconnect --force ${guest.network} ${guest.container}, then the same command again`,
  );
}
