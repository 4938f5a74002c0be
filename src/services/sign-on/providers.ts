import { portOf } from '../../core/url-host.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { wayOut } from '../shared/way-out.ts';
import { SIGN_ON, SIGN_ON_HOST } from './settings/address.ts';
import type { SignOnSettings } from './settings/sign-on-settings.ts';

const WAY_HOST = 63;

/** What providers add to the service: a file, secrets, names of hosts, and the container that leads there. */
interface ProvidersPart {
  files: Record<string, string>;
  secrets: SecretSpec[];
  /** Names that lead to that container, for Compose. */
  hosts: string[];
  ways: Blueprint[];
}

/** A host outside, and one of its ports. */
interface Place {
  host: string;
  port: number;
}

const placeOf = (text: string): Place => {
  const url = new URL(text.startsWith('https://') ? text : `https://${text}`);
  return { host: url.hostname, port: portOf(url) };
};

/** As a URL has it: the usual port goes without saying. */
const wordsOf = ({ host, port }: Place): string => (port === 443 ? host : `${host}:${port}`);

/** Plex in the form of the others: people who may see the server are in one group there. */
const plexOf = ({ server, roles, ...rest }: SignOnSettings['plex']) => ({
  ...{ label: 'Plex', issuer: 'https://plex.tv', hosts: [], server, groups: { friends: roles }, everyone: [], mfa: 'here' as const },
  ...rest,
  clientSecret: undefined,
});

/** The part of providers; nothing without one. */
export function providersPart({ providers, plex }: SignOnSettings, input: BuildInput): ProvidersPart {
  const registered = { ...providers, ...(plex.server !== undefined && { plex: plexOf(plex) }) };
  const all = Object.entries(registered)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { clientSecret, ca, label, issuer, hosts, ...plain }]) => {
      const places = new Map([issuer, ...hosts].map(placeOf).map((place) => [wordsOf(place), place]));
      const given: [string, typeof ca][] = [
        [`sign-on-provider-${name}-secret`, clientSecret],
        [`sign-on-provider-${name}-ca`, ca],
      ];
      const has = { hasSecret: clientSecret !== undefined, hasCa: ca !== undefined };
      return { places, given, file: { name, label: label ?? name, issuer, ...plain, hosts: [...places.keys()], ...has } };
    });
  if (all.length === 0) return { files: {}, secrets: [], hosts: [], ways: [] };
  const outside = [...new Map(all.flatMap(({ places }) => [...places])).values()];
  const address = input.address('auth', WAY_HOST);
  const file = Object.fromEntries(all.map((each) => [each.file.name, each.file]));
  return {
    files: { 'providers.json': `${JSON.stringify(file, null, 2)}\n` },
    secrets: all.flatMap(({ given }) => given).flatMap(([name, value]) => (value ? [{ name, source: { given: value } }] : [])),
    hosts: [...new Set(outside.map(({ host }) => `${host}:${address}`))],
    ways: [waysOut(outside, input)],
  };
}

/** One container leads to all: which host is meant, the handshake of TLS says (SNI, RFC 6066). Any other is refused. */
function waysOut(outside: readonly Place[], input: BuildInput): Blueprint {
  const callers = [input.address('auth', SIGN_ON_HOST)];
  const interruption = 'about 2 s: sign-in by a provider fails';
  const way = wayOut(
    { name: 'sign-on-providers', host: WAY_HOST, target: '', port: 443, url: '', callers, interruption, component: SIGN_ON },
    input,
  );
  const ports = [...new Set(outside.map(({ port }) => port))].sort((a, b) => a - b);
  return {
    ...way,
    configFrom: ['provider-egress'],
    leadsTo: outside.map((place) => `https://${wordsOf(place)}`),
    view: {
      ...{ address: input.address('auth', WAY_HOST), callers, maxConnections: 50 },
      listeners: ports.map((port) => ({ port, hosts: outside.filter((place) => place.port === port).map(({ host }) => host) })),
    },
  };
}
