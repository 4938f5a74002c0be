import type { Engine } from '../../docker/types.ts';
import { NETWORKS, type NetworkName } from '../../stack/types.ts';

/** When the host may leave networks that it is in. */
export interface IsolationCheck {
  /** Asked what it can do; without it all stays as it was chosen last. */
  engine?: Engine;
  /** Our containers run, in the networks that they were started in. */
  running?: boolean;
  /** For what starts nothing: it does not matter. */
  unchecked?: boolean;
  /** Networks that are there may be replaced by isolated ones, with all the containers in them. */
  replaceNetworks?: boolean | undefined;
}

/** A network as the engine calls it. */
export const networkName = (project: string, network: NetworkName): string => `${project}_${network}`;

/**
 * Whether the host stays out of the internal networks. What runs keeps the networks that it has, unless they may be replaced: that
 * stops everything in them, so it is `up` alone that does it. @param before as it was chosen last
 */
export async function chooseIsolation(
  project: string,
  before: boolean,
  { engine, running, unchecked, replaceNetworks }: IsolationCheck,
): Promise<{ isolated: boolean; notIsolated?: string | undefined }> {
  if (!engine || unchecked || (running && (before || !replaceNetworks))) return { isolated: before };
  if (!(await engine.info()).isolates) return { isolated: false };
  if (!running) return { isolated: true };
  const guests = await engine.guests(
    project,
    NETWORKS.map((name) => networkName(project, name)),
  );
  const [guest] = guests;
  if (!guest) return { isolated: true };
  const more = guests.length > 1 ? ` (and ${guests.length - 1} more)` : '';
  return {
    isolated: false,
    notIsolated:
      `internal networks stay open to this host: ${guest.container}${more} is in ${guest.network}, which could not be replaced` +
      `\n  Fix: docker network disconnect --force ${guest.network} ${guest.container}, then medianest up`,
  };
}
