import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { isAddress, isLoopback, portOf, withHost } from '../../core/url-host.ts';
import type { BuildInput } from '../../stack/service.ts';
import { tracesEndpoint } from '../shared/traces.ts';
import type { MediaSettings } from './media.ts';
import { notifyUrls, type PortalSettings } from './notify.ts';

/** Hosts of `app.egress` at most, and the number of the first: these are free in the networks `app` and `out`. */
const MOST_HOSTS = 16;
const FIRST_ASKED = 11;
const HOST = /^(?=.{1,253}(:|$))(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*(:\d{1,5})?$/;
const NO_HOST = 'should be a host name such as api.example.org (port 443), or one with its port: smtp.example.org:587';

const nameOf = (text: string): string => text.split(':')[0] as string;
/** Of `HOST:PORT`; that of HTTPS where it names none. */
const numberOf = (text: string): number => Number(text.split(':')[1] ?? 443);

/** Not `1.2` and `0x7f000001`, which URLs take for addresses, nor what no URL can hold. */
const isName = (text: string): boolean =>
  isAddress(text) || (URL.canParse(`https://${text}`) && new URL(`https://${text}`).hostname === text);

const outsideHost = z
  .string()
  .regex(HOST, NO_HOST)
  .refine((text) => !isAddress(nameOf(text)), 'is an address: the application reaches hosts outside by their names; give the host one')
  .refine((text) => isName(nameOf(text)), NO_HOST)
  .refine((text) => numberOf(text) > 0 && numberOf(text) <= 65_535, NO_HOST);

const WHAT = `should be true, false, or a list of ${MOST_HOSTS} hosts at most`;

export const egressSettings = z
  .union([z.boolean(), z.array(outsideHost).max(MOST_HOSTS)], WHAT)
  .default(false)
  .describe(
    'Hosts outside that the application reaches besides those of `external`, each on port 443 or as HOST:PORT: [api.example.org, smtp.example.org:587]. `true` opens all addresses to it, `false` none',
  );

/** Of the application's settings, what says where it calls. */
interface Caller {
  proxy: boolean;
  egress: z.output<typeof egressSettings>;
  media: MediaSettings;
  image?: string | undefined;
  portal: PortalSettings;
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

/** An address outside, and the container that would lead there. */
interface Named {
  id: string;
  url: string;
  host: number;
  alias?: string;
}

/**
 * The addresses outside that the settings name for the application.
 * @param more hosts that other processes name: numbered from the end, so that neither changes a number of the other
 */
function named(own: Caller, { settings }: Pick<BuildInput, 'settings'>, more: readonly string[] = []): Named[] {
  const { plex, overseerr, uptimeKuma } = settings.external;
  const { kind, endpoint, bucket } = own.media;
  const all: { id: string; url: string | undefined; alias?: string }[] = [
    { id: 'plex', url: plex.url },
    { id: 'overseerr', url: overseerr.url },
    { id: 'uptime-kuma', url: uptimeKuma.url },
    // Clients of object storage may ask for BUCKET.HOST.
    { id: 'media', url: kind === 'object' ? endpoint : undefined, alias: bucket ?? '' },
    { id: 'traces', url: tracesEndpoint({ settings }) },
    ...notifyUrls(own.portal).map(({ id, url }) => ({ id, url: own.image ? undefined : url })),
  ];
  // A host that is added at the end changes no other's number.
  const hosts = Array.isArray(own.egress) ? own.egress : [];
  const names = [...new Set(hosts.map(nameOf))];
  const asked = hosts.map((text) => {
    const index = names.indexOf(nameOf(text));
    return { id: `host-${index + 1}`, url: `https://${text}`, host: FIRST_ASKED + index };
  });
  const besides = [...new Set(more.map(nameOf))].filter((name) => !names.includes(name));
  refuseTooMany([...names, ...besides]);
  const others = more.flatMap((text) => {
    const index = besides.indexOf(nameOf(text));
    const number = index < 0 ? names.indexOf(nameOf(text)) : MOST_HOSTS - 1 - index;
    return [{ id: `host-${number + 1}`, url: `https://${text}`, host: FIRST_ASKED + number }];
  });
  const known = all.flatMap(({ url, ...entry }, index) => (url === undefined ? [] : [{ ...entry, url, host: FIRST_HOST + index }]));
  return [...known, ...asked, ...others];
}

function refuseTooMany(names: readonly string[]): void {
  if (names.length <= MOST_HOSTS) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `app.egress and the egress of \`services\` name ${names.length} hosts, and ways are kept for ${MOST_HOSTS}; nothing was changed`,
    'leave some of them out, or give one process `egress: true`',
  );
}

/** One for each host, however many of its ports are named: a name leads to one address alone. */
function waysOf(own: Caller, input: Pick<BuildInput, 'settings'>, more: readonly string[]): WayOut[] {
  const ways = new Map<string, WayOut>();
  for (const { id, url, alias, host } of named(own, input, more)) {
    const parsed = new URL(url);
    const target = parsed.hostname;
    // The container that asks: there is no way to it.
    if (isLoopback(target)) continue;
    const way = ways.get(target) ?? { name: `egress-${id}`, host, target, isAddress: isAddress(target), aliases: [], ports: [], urls: [] };
    way.ports = [...new Set([...way.ports, portOf(parsed)])];
    if (!way.urls.includes(url)) way.urls.push(url);
    if (alias && !way.isAddress) way.aliases.push(`${alias}.${target}`);
    ways.set(target, way);
  }
  return [...ways.values()];
}

/**
 * The application's ways out. It has none where it is in the open: by a network of an earlier version, or because it is given the
 * proxies of the Docker client, which are addresses that no setting names.
 */
export const waysOut = (own: Caller, input: BuildInput, more: readonly string[] = []): WayOut[] =>
  !input.appClosed || own.proxy || own.egress === true || input.settings.components.egress === false ? [] : waysOf(own, input, more);

/** Of all ways out, those to hosts that this caller names. */
export function waysFor(own: Caller, all: readonly WayOut[], input: Pick<BuildInput, 'settings'>): WayOut[] {
  const targets = named(own, input).map(({ url }) => new URL(url).hostname);
  return all.filter(({ target }) => targets.includes(target));
}

/** Whether the application is in the open: because it is to be, or as all were whose settings named an address outside. */
export const inTheOpen = (own: Caller, input: BuildInput): boolean =>
  own.egress === true || ((!input.appClosed || own.proxy) && named(own, input).length > 0);

/** An address outside as the application is given it: what is no name is replaced by that of the container. */
export const givenUrl = (url: string, ways: readonly WayOut[]): string => {
  const way = ways.find((entry) => entry.isAddress && entry.urls.includes(url));
  return way ? withHost(url, way.name) : url;
};

/** Lines of /etc/hosts in Compose's form: names outside lead to the containers that pass calls on. */
export const hostLines = (ways: readonly WayOut[], input: BuildInput): string[] =>
  ways.flatMap((way) => (way.isAddress ? [] : [way.target, ...way.aliases].map((name) => `${name}:${input.address('app', way.host)}`)));
