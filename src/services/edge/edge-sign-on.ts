import { UserError } from '../../core/errors.ts';
import type { BuildInput, ServiceDefinition } from '../../stack/service.ts';
import type { Blueprint, NetworkName, SecretSpec } from '../../stack/types.ts';
import { accessOf } from '../sign-on/settings/access.ts';
import { ANY_SESSION, ASSERTION_KEY, FRESH_SECONDS, SIGN_ON, SIGN_ON_HOST, SIGN_ON_PORT } from '../sign-on/settings/address.ts';
import type { signOnSettings } from '../sign-on/settings/sign-on-settings.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';
import { nginxText, regexText } from './settings/edge-text.ts';

/** Named, not imported: sign-on is built from the edge's settings. */
const SETTINGS = { key: 'signOn' } as unknown as ServiceDefinition<typeof signOnSettings>;

/** What says who is signed in: from visitors it never passes. */
export const SIGN_ON_NAMES = ['Remote-User', 'Remote-Name', 'Remote-Email', 'Remote-Groups', 'X-Medianest-Assertion'];

/** The key as nginx reads it: JSON. */
const EDGE_KEY: SecretSpec = { name: 'sign-on-key-edge', source: { format: `{"key":"{${ASSERTION_KEY}}"}` } };

const NONE = {
  networks: [] as NetworkName[],
  secrets: [] as Blueprint['secrets'],
  calls: [] as string[],
  view: { signOn: false },
  hasClients: false,
};

/** Copies of static files under a name of their own are given to all: no session reaches that name. */
function refuseOpenCopies(): never {
  throw new UserError(
    'INVALID_SETTINGS',
    'cdn.host gives static files to everybody, also who has not signed in',
    'leave `cdn.host` out: with sign-on, static files come from the portal’s own names',
  );
}

/**
 * The edge's part of sign-on: the network of the identity provider, the key, and which path needs what.
 * @param asked what monitors and balancers ask for: never closed, but for addresses with a query, whose path has other answers too
 * @param hasStaticHost static files have a name of their own
 * @throws UserError INVALID_SETTINGS where that name would give them to strangers
 */
export function signOnPart(own: EdgeSettings, asked: readonly string[], hasStaticHost: boolean, input: BuildInput) {
  if (!input.enabled(SIGN_ON) || own.access === 'none') return NONE;
  if (hasStaticHost) refuseOpenCopies();
  const { graceMinutes, clients, address } = input.settingsOf(SETTINGS);
  const { paths, otherwise, strict } = accessOf(own.access, own.pages);
  return {
    networks: ['auth'] as NetworkName[],
    secrets: [EDGE_KEY],
    calls: [SIGN_ON],
    hasClients: Object.keys(clients).length > 0,
    view: {
      signOn: true,
      signOnServer: `${input.address('auth', SIGN_ON_HOST)}:${SIGN_ON_PORT}`,
      freshSeconds: FRESH_SECONDS,
      looksAtAddress: address !== 'off',
      bindsAddress: address === 'bind',
      anySession: ANY_SESSION,
      staleMinutes: Math.max(1, graceMinutes),
      stale: graceMinutes > 0,
      neverClosed: [...new Set(asked)].filter((path) => !path.includes('?')).map(nginxText),
      accessRules: paths.flatMap(({ paths: starts, access }) => starts.map((start) => ({ pattern: regexText(start), access }))),
      otherwise,
      strict,
      tokenTries: own.login ? own.login.perMinute + own.login.burst : 0,
      knownSeconds: graceMinutes * 60 + FRESH_SECONDS,
    },
  };
}
