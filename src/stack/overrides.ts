import { shortHash } from '../core/hash.ts';
import type { JsonObject } from '../core/json.ts';
import type { Settings } from '../settings/schema.ts';

/**
 * What commands have decided beyond medianest.yml (`maintenance on`, `scale`, `deploy`, `rollback`): kept in the state
 * folder as orders.json. An override of a setting is valid while medianest.yml says what it said then:
 * editing the setting ends it.
 */
export interface Overrides {
  maintenance?: { message?: string; retryAfterSeconds: number; since: string };
  /** `count` replicas while `app.replicas` is `instead`. */
  replicas?: { count: number; instead: number };
  /** The replicas are numbered from `first` on, while `app.maxReplicas` is `instead`: the second set of a blue-green deploy. */
  slots?: { first: number; instead: number };
  /** Image -> what `update` found newer in it: part of its name, so that it is built and used again. */
  updates?: Record<string, string>;
  /** Group -> which of its two credentials is in use; the first without an override. */
  credentials?: Record<string, 'a' | 'b'>;
  /** The current key version of the database’s backups, and the oldest that is kept; the first without an override. */
  backup?: { current: number; oldest: number };
  /** A release while the application's part of the settings has the hash `instead`. */
  app?: {
    release: string;
    ref: string;
    /** Process with an image of its own -> that of the release. */
    refs?: Record<string, string>;
    version: AppVersion;
    instead: string;
  };
  /** Process of `services` -> `count` replicas while its `replicas` is `instead`. */
  scaled?: Record<string, { count: number; instead: number }>;
  /** The peers of the VPN, by name. */
  peers?: Record<string, VpnPeer>;
}

/** What `vpn add` has decided about one peer, without any key that is secret. */
export interface VpnPeer {
  /** As WireGuard writes it: base64 of 32 bytes. Of OpenVPN the SHA-256 of the certificate, written so. */
  publicKey: string;
  /** What the device has a configuration for; WireGuard where absent. */
  engine?: 'openvpn';
  /** The SHA-256 of the CA that has signed its certificate, written so; absent where that was not noted. */
  ca?: string;
  /** Its address is the one with this number in `vpn.network`. */
  number: number;
  role: 'admin' | 'member';
  /** When it was added (ISO 8601, UTC). */
  added: string;
  /** When it ends (ISO 8601, UTC); absent where it does not. */
  until?: string;
}

/** The settings that belong to a version of the application, and are rolled back with it. They contain no secret. */
const VERSION_KEYS = [
  'image',
  'port',
  'healthPath',
  'health',
  'readyPath',
  'metricsPath',
  'user',
  'command',
  'env',
  'migrate',
  'tls',
] as const;
export type AppVersion = JsonObject;

type Services = Readonly<Record<string, JsonObject>>;

const versionOf = (own: JsonObject): JsonObject =>
  Object.fromEntries(VERSION_KEYS.flatMap((key) => (own[key] === undefined ? [] : [[key, own[key]]])));

/** @param services the processes beside the first, which are part of every release */
export function appVersion(app: object, services: object = {}): AppVersion {
  const processes = Object.entries(services as Services).map(([name, own]) => [name, versionOf(own)] as const);
  return { ...versionOf(app as JsonObject), ...(processes.length > 0 && { services: Object.fromEntries(processes) }) };
}

/** The processes beside the first, as medianest.yml has them; none where `components` switches them off. */
export const servicesOf = ({ components, services }: { components?: unknown; services?: unknown }): Services =>
  (components as { services?: boolean } | undefined)?.services === false ? {} : ((services ?? {}) as Services);

/** The processes beside the first in a version. */
export const processesIn = (version: AppVersion): Services => (version.services ?? {}) as Services;

/** What an override of the application is compared with: its version in medianest.yml, and the portal's own source where that is used. */
export const appIdentity = (app: object, portalImage: string, services: object = {}): string =>
  shortHash([appVersion(app, services), 'image' in app && app.image ? null : portalImage]);

/** Settings as a version has them, whatever medianest.yml says of those that belong to one. */
const asIn = <S extends object>(own: S, version: JsonObject): S => {
  const { services: _, ...settings } = version;
  return { ...own, ...Object.fromEntries(VERSION_KEYS.map((key) => [key, undefined])), ...settings };
};

/** The processes of a release: one that came later is no part of it. */
function servicesIn(services: Services, version: AppVersion): Services {
  const known = processesIn(version);
  return Object.fromEntries(
    Object.entries(services).flatMap(([name, own]) => (known[name] ? [[name, asIn(own, known[name])] as const] : [])),
  );
}

/**
 * Effective settings: medianest.yml, and the overrides that still apply to it.
 * @param portalImage reference of the portal's image, as it would be built now
 */
export function applyOverrides(
  settings: Settings,
  overrides: Overrides,
  portalImage: () => string,
): { settings: Settings; overrides: Overrides } {
  const app = settings.app as (JsonObject & { replicas: number; maxReplicas: number }) | undefined;
  if (!app) return { settings, overrides };
  const services = servicesOf(settings);
  const { replicas: scaled } = overrides;
  const replicas = scaled?.instead === app.replicas && scaled.count <= app.maxReplicas ? scaled : undefined;
  const count = replicas?.count ?? app.replicas;
  const { slots: set } = overrides;
  const slots = set?.instead === app.maxReplicas && set.first - 1 + count <= app.maxReplicas ? set : undefined;
  const release = overrides.app && overrides.app.instead === appIdentity(app, portalImage(), services) ? overrides.app : undefined;
  const counts = Object.entries(overrides.scaled ?? {}).filter(([name, { instead }]) => services[name]?.replicas === instead);
  const released = release ? servicesIn(services, release.version) : services;
  const counted = (name: string) => counts.find(([other]) => other === name)?.[1].count;
  const processes = Object.entries(released).map(([name, own]) => [name, { ...own, replicas: counted(name) ?? own.replicas }] as const);
  return {
    settings: {
      ...settings,
      app: { ...(release ? asIn(app, release.version) : app), ...(replicas && { replicas: replicas.count }) },
      ...(Object.keys(services).length > 0 ? { services: Object.fromEntries(processes) } : {}),
    },
    overrides: {
      ...(overrides.updates && { updates: overrides.updates }),
      ...(overrides.credentials && { credentials: overrides.credentials }),
      ...(overrides.backup && { backup: overrides.backup }),
      ...(overrides.maintenance && { maintenance: overrides.maintenance }),
      ...(replicas && { replicas }),
      ...(slots && { slots }),
      ...(counts.length > 0 && { scaled: Object.fromEntries(counts) }),
      ...(release && { app: release }),
      ...(overrides.peers && { peers: overrides.peers }),
    },
  };
}
