import { isAddress, isLoopback, portOf, withHost } from '../../core/url-host.ts';
import type { BuildInput } from '../../stack/service.ts';
import { tracesEndpoint } from '../shared/traces.ts';
import type { MediaSettings } from './media.ts';

/** Of the application's settings, what says where it calls. */
interface Caller {
  proxy: boolean;
  media: MediaSettings;
}

/** Numbers of the containers that lead outside, one for each address that the settings may name. */
const FIRST_HOST = 70;

/** A host outside that the application calls, and the container that leads there. */
export interface WayOut {
  /** The container: `egress-plex`. */
  name: string;
  /** Its number in its networks. */
  host: number;
  /** Name or address of the host, as a URL has it. */
  target: string;
  /** The target is an address: no name can be given to the container instead. */
  isAddress: boolean;
  /** Other names below it that lead there too. */
  aliases: string[];
  ports: number[];
  /** The addresses that the settings name. */
  urls: string[];
}

/** The addresses outside that the settings name for the application. */
function named(own: Caller, { settings }: Pick<BuildInput, 'settings'>) {
  const { plex, overseerr, uptimeKuma } = settings.external;
  const { kind, endpoint, bucket } = own.media;
  const all: { id: string; url: string | undefined; alias?: string }[] = [
    { id: 'plex', url: plex.url },
    { id: 'overseerr', url: overseerr.url },
    { id: 'uptime-kuma', url: uptimeKuma.url },
    // Clients of object storage may ask for BUCKET.HOST.
    { id: 'media', url: kind === 'object' ? endpoint : undefined, alias: bucket ?? '' },
    { id: 'traces', url: tracesEndpoint({ settings }) },
  ];
  return all.flatMap(({ url, ...entry }, index) => (url === undefined ? [] : [{ ...entry, url, host: FIRST_HOST + index }]));
}

/** One for each host, however many of its ports are named: a name leads to one address alone. */
function waysOf(own: Caller, input: Pick<BuildInput, 'settings'>): WayOut[] {
  const ways = new Map<string, WayOut>();
  for (const { id, url, alias, host } of named(own, input)) {
    const parsed = new URL(url);
    const target = parsed.hostname;
    // The container that asks: there is no way to it.
    if (isLoopback(target)) continue;
    const way = ways.get(target) ?? { name: `egress-${id}`, host, target, isAddress: isAddress(target), aliases: [], ports: [], urls: [] };
    way.ports = [...new Set([...way.ports, portOf(parsed)])];
    way.urls.push(url);
    if (alias && !way.isAddress) way.aliases.push(`${alias}.${target}`);
    ways.set(target, way);
  }
  return [...ways.values()];
}

/**
 * The application's ways out. It has none where it is in the open: by a network of an earlier version, or because it is given the
 * proxies of the Docker client, which are addresses that no setting names.
 */
export const waysOut = (own: Caller, input: BuildInput): WayOut[] =>
  !input.appClosed || own.proxy || input.settings.components.egress === false ? [] : waysOf(own, input);

/** Whether the application is in the open, as all were whose settings named an address outside. */
export const inTheOpen = (own: Caller, input: BuildInput): boolean => (!input.appClosed || own.proxy) && named(own, input).length > 0;

/** An address outside as the application is given it: what is no name is replaced by that of the container. */
export const givenUrl = (url: string, ways: readonly WayOut[]): string => {
  const way = ways.find((entry) => entry.isAddress && entry.urls.includes(url));
  return way ? withHost(url, way.name) : url;
};

/** Lines of /etc/hosts in Compose's form: names outside lead to the containers that pass calls on. */
export const hostLines = (ways: readonly WayOut[], input: BuildInput): string[] =>
  ways.flatMap((way) => (way.isAddress ? [] : [way.target, ...way.aliases].map((name) => `${name}:${input.address('app', way.host)}`)));
