import { formatAddress, formatCidr, overlaps, parseAddress, parseCidr } from '../../core/cidr.ts';
import { PRIVATE, type TakenRange } from '../../stack/subnets.ts';

/** What this host has to reach although none of its routes shows it: an IPv4 address, a range or a name, and what it is. */
export interface Reached {
  host: string;
  by: string;
}

const PRIVATE_RANGES = PRIVATE.flatMap((text) => parseCidr(text) ?? []);

/** A range of the settings that is wider says which addresses are private, not which of them are in use. */
const WIDEST = 16;

/** Who is logged in by SSH: an administrator that a range covers has no connection any more (ssh(1), "ENVIRONMENT"). */
export function sshPeers(env: Readonly<Record<string, string | undefined>>): Reached[] {
  return ['SSH_CONNECTION', 'SSH_CLIENT'].flatMap((name) => {
    const [client = ''] = (env[name] ?? '').split(' ');
    return client ? [{ host: client.replace(/^::ffff:/i, ''), by: `the SSH client, $${name}` }] : [];
  });
}

export const nameServers = (resolvConf: string): Reached[] =>
  [...resolvConf.matchAll(/^nameserver\s+(\S+)/gm)].map((match) => ({ host: match[1] as string, by: 'a DNS server of this host' }));

/** Servers of the file systems that this host has mounted. */
export const fileServers = (mounts: readonly { type: string; source: string; point: string }[]): Reached[] =>
  mounts.flatMap(({ type, source, point }) => {
    const [, host] = /^nfs/.test(type)
      ? (/^([^:/]+):/.exec(source) ?? [])
      : /^(?:cifs|smb3)$/.test(type)
        ? (/^\/\/([^/]+)/.exec(source) ?? [])
        : [];
    return host ? [{ host, by: `the server of ${point}` }] : [];
  });

/** Every host outside that the settings name, wherever they do: `external.plex.url`, `app.media.server`, `edge.operators`. */
export function settingsHosts(settings: object): Reached[] {
  const walk = (value: unknown, path: readonly string[]): Reached[] => {
    if (typeof value === 'string') return hostIn(value, path.at(-1) ?? '').map((host) => ({ host, by: path.join('.') }));
    if (Array.isArray(value)) return value.flatMap((item) => walk(item, path));
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) => walk(inner, [...path, key]));
  };
  // The ranges themselves are no hosts.
  const { networks: _ranges, ...others } = settings as Record<string, unknown>;
  return walk(others, []);
}

function hostIn(text: string, key: string): string[] {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return URL.canParse(text) ? [new URL(text).hostname].filter(Boolean) : [];
  if (/^[\d.]+\/\d+$/.test(text)) return (parseCidr(text)?.prefix ?? 0) >= WIDEST ? [text] : [];
  const [, address] = /^([\d.]+)(?::\d+)?$/.exec(text) ?? [];
  if (address !== undefined) return parseAddress(address) === undefined ? [] : [address];
  return key === 'server' || key === 'host' ? [text] : [];
}

/** A name, and not an address of either kind. */
export const isName = ({ host }: Reached): boolean =>
  parseCidr(host.includes('/') ? host : `${host}/32`) === undefined && !host.includes(':');

/**
 * As ranges that none of ours may cover. Only private addresses count: no range of ours is chosen elsewhere.
 * @param resolved name -> its addresses; a name that is not in it does not count
 */
export function reachedRanges(reached: readonly Reached[], resolved: ReadonlyMap<string, readonly string[]> = new Map()): TakenRange[] {
  const ranges = reached.flatMap((entry): TakenRange[] => {
    const { host, by } = entry;
    const all = isName(entry) ? (resolved.get(host) ?? []).map((address) => ({ address, by: `${by}, ${host}` })) : [{ address: host, by }];
    return all.flatMap((found): TakenRange[] => {
      const range = parseCidr(found.address.includes('/') ? found.address : `${found.address}/32`);
      if (!range || !PRIVATE_RANGES.some((block) => overlaps(block, range))) return [];
      return [{ subnet: range.prefix === 32 ? formatAddress(range.first) : formatCidr(range), by: found.by, reached: true }];
    });
  });
  return [...new Map(ranges.map((range) => [range.subnet, range] as const)).values()];
}
