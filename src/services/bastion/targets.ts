import { UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint, NetworkName } from '../../stack/types.ts';
import { cacheContract, databaseContract, hasCache, hasDatabase } from '../app/stores.ts';

/** A service that people may be let through to. */
export interface Target {
  /** As `bastion.allow` and `ssh -L` call it. */
  name: string;
  network: NetworkName;
  address: string;
  ports: readonly number[];
}

/** All pages and servers of monitoring at once. */
const MONITORING = 'monitoring';

/** The networks that the bastion joins for what is allowed there. */
const REACHED: readonly NetworkName[] = ['db', 'monitoring'];

/** What there is to let people through to: database, cache, and the servers of monitoring with their pages. */
export function targetsOf(input: BuildInput): Target[] {
  const found: Target[] = [];
  if (hasDatabase(input)) {
    const { host, port, replicaPort } = databaseContract(input).connection;
    const address = addressOf(host, 'db', input);
    if (address) found.push({ name: 'database', network: 'db', address, ports: [...new Set([port, replicaPort])] });
  }
  if (hasCache(input)) {
    const { host, port, cluster } = cacheContract(input).connection;
    const addresses = cluster?.map((node) => node.slice(0, node.lastIndexOf(':'))) ?? [host];
    for (const [index, each] of addresses.entries()) {
      const address = addressOf(each, 'db', input);
      if (address) found.push({ name: cluster ? `cache-${index + 1}` : 'cache', network: 'db', address, ports: [port] });
    }
  }
  return [...found, ...input.built.flatMap((blueprint) => monitoringTarget(blueprint, input))];
}

/** A page for people; of Prometheus and Alertmanager the port that they serve their own metrics on, which is that of their pages. */
function monitoringTarget({ name, page, role, metrics, host }: Blueprint, input: BuildInput): Target[] {
  if (page) return [{ name, network: 'monitoring', address: page.address, ports: [page.port] }];
  const [own] = role === 'monitoring' || role === 'alerting' ? (metrics ?? []) : [];
  if (own?.network !== 'monitoring') return [];
  return [{ name, network: 'monitoring', address: input.address('monitoring', host), ports: [own.port] }];
}

/** The address of a store, which its contract names by address or by service. */
function addressOf(host: string, network: NetworkName, input: BuildInput): string | undefined {
  if (/^[\d.]+$/.test(host)) return host;
  const found = input.built.find(({ name, networks }) => name === host && networks.includes(network));
  return found && input.address(network, found.host);
}

/**
 * The targets that these names allow. A name stands for a target, `cache` for each node of it, `monitoring` for all of monitoring.
 * @param setting that the names are in
 * @throws UserError INVALID_SETTINGS for a name that nothing of this stack has
 */
export function allowed(names: readonly string[], targets: readonly Target[], setting: string): Target[] {
  const matching = (name: string) =>
    targets.filter(
      (target) => target.name === name || groupOf(target) === name || (name === MONITORING && target.network === 'monitoring'),
    );
  const wanted = names.flatMap((name) => {
    const found = matching(name);
    if (found.length > 0) return found;
    const known = [...new Set([...targets.map(groupOf), ...(targets.some(({ network }) => network === 'monitoring') ? [MONITORING] : [])])];
    throw new UserError(
      'INVALID_SETTINGS',
      `${setting}: this stack has no ${JSON.stringify(name)} that the bastion could lead to; ${didYouMean(name, known)}`,
      known.length > 0 ? `name one of ${known.join(', ')}` : 'switch on a database, a cache or `observability: light`',
    );
  });
  return targets.filter((target) => wanted.includes(target));
}

const groupOf = ({ name }: Target): string => name.replace(/^(cache)-\d+$/, '$1');

/** The networks of these targets, in one order. */
export const networksOf = (targets: readonly Target[]): NetworkName[] =>
  REACHED.filter((name) => targets.some(({ network }) => network === name));
