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
  app?: { release: string; ref: string; version: AppVersion; instead: string };
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

export function appVersion(app: object): AppVersion {
  const own = app as JsonObject;
  return Object.fromEntries(VERSION_KEYS.flatMap((key) => (own[key] === undefined ? [] : [[key, own[key]]])));
}

/** What an override of the application is compared with: its version in medianest.yml, and the portal's own source where that is used. */
export const appIdentity = (app: object, portalImage: string): string =>
  shortHash([appVersion(app), 'image' in app && app.image ? null : portalImage]);

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
  const { replicas: scaled } = overrides;
  const replicas = scaled?.instead === app.replicas && scaled.count <= app.maxReplicas ? scaled : undefined;
  const count = replicas?.count ?? app.replicas;
  const { slots: set } = overrides;
  const slots = set?.instead === app.maxReplicas && set.first - 1 + count <= app.maxReplicas ? set : undefined;
  const release = overrides.app && overrides.app.instead === appIdentity(app, portalImage()) ? overrides.app : undefined;
  const version = release ? { ...Object.fromEntries(VERSION_KEYS.map((key) => [key, undefined])), ...release.version } : {};
  return {
    settings: { ...settings, app: { ...app, ...version, ...(replicas && { replicas: replicas.count }) } },
    overrides: {
      ...(overrides.updates && { updates: overrides.updates }),
      ...(overrides.credentials && { credentials: overrides.credentials }),
      ...(overrides.backup && { backup: overrides.backup }),
      ...(overrides.maintenance && { maintenance: overrides.maintenance }),
      ...(replicas && { replicas }),
      ...(slots && { slots }),
      ...(release && { app: release }),
    },
  };
}
