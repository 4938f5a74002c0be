import type { Engine } from '../../docker/types.ts';
import type { Reach } from '../../stack/subnets.ts';
import { NETWORKS, type NetworkName } from '../../stack/types.ts';

/** When the host may leave networks that it is in, and the application's be closed. */
export interface IsolationCheck {
  /** Asked what it can do; without it all stays as it was chosen last. */
  engine?: Engine;
  /** Our containers run, in the networks that they were started in. */
  running?: boolean;
  /** For what starts nothing: it does not matter. */
  unchecked?: boolean;
  /** Networks that are there may be replaced, with all the containers in them. */
  replaceNetworks?: boolean | undefined;
}

/** A network as the engine calls it. */
export const networkName = (project: string, network: NetworkName): string => `${project}_${network}`;

/**
 * Whether the host stays out of the internal networks, and whether the application's is one of them. What runs keeps the networks that it
 * has, unless they may be replaced: that stops everything in them, so it is `up` alone that does it. @param before as it was chosen last
 */
export async function chooseIsolation(
  project: string,
  before: Reach,
  { engine, running, unchecked, replaceNetworks }: IsolationCheck,
): Promise<Reach & { notIsolated?: string | undefined }> {
  if (!engine || unchecked || (running && ((before.isolated && before.appClosed) || !replaceNetworks))) return before;
  const isolated = (running && before.isolated) || (await engine.info()).isolates;
  const wanted: Reach = { isolated, appClosed: true };
  if (!running || (isolated === before.isolated && before.appClosed)) return wanted;
  const guests = await engine.guests(
    project,
    NETWORKS.map((name) => networkName(project, name)),
  );
  const [guest] = guests;
  if (!guest) return wanted;
  const more = guests.length > 1 ? ` (and ${guests.length - 1} more)` : '';
  const stays = [
    ...(before.appClosed ? [] : ['all addresses outside stay open to the application']),
    ...(isolated && !before.isolated ? ['internal networks stay open to this host'] : []),
  ].join(', and ');
  return {
    ...before,
    notIsolated:
      `${stays}: ${guest.container}${more} is in ${guest.network}, which could not be replaced` +
      `\n  Fix: docker network disconnect --force ${guest.network} ${guest.container}, then medianest up`,
  };
}
