import { stringify } from 'yaml';
import type { Json, JsonObject } from '../../core/json.ts';
import type { Neighbour } from '../../docker/types.ts';

/** A profile as it would run here. */
export interface ProfileFit {
  name: string;
  description: string;
  containers: number;
  memoryBytes: number;
  /** Why it does not fit; undefined where it does. */
  problem: string | undefined;
}

/** A program outside that the portal can show: how its images are called, and where it listens. */
interface Known {
  setting: readonly string[];
  title: string;
  image: RegExp;
  port: number;
}

export const KNOWN: readonly Known[] = [
  { setting: ['external', 'plex', 'url'], title: 'Plex', image: /(^|\/)(pms-docker|plex)(:|@|$)/, port: 32400 },
  { setting: ['external', 'overseerr', 'url'], title: 'Overseerr', image: /(^|\/)(overseerr|jellyseerr|seerr)(:|@|$)/, port: 5055 },
  { setting: ['external', 'uptimeKuma', 'url'], title: 'Uptime Kuma', image: /(^|\/)uptime-kuma(:|@|$)/, port: 3001 },
];

/** The profile with the most containers that this machine can run. */
export function proposeProfile(fits: readonly ProfileFit[]): ProfileFit | undefined {
  const possible = fits.filter(({ problem }) => problem === undefined);
  return [...possible].sort((a, b) => b.containers - a.containers || a.memoryBytes - b.memoryBytes)[0];
}

/**
 * Where one of them is found: in a container, or listening on this host. By the host's address, never 127.0.0.1: that is
 * the container itself if it runs in one.
 */
export function proposeUrl(
  known: Known,
  neighbours: readonly Neighbour[],
  listening: ReadonlySet<number>,
  hostAddress: string,
): { url: string; from: string } | undefined {
  const url = (port: number) => `http://${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:${port}`;
  const container = neighbours.find(({ image }) => known.image.test(image));
  const port = container && (container.ports[known.port] ?? (container.hostNetwork ? known.port : undefined));
  if (container && port !== undefined) return { url: url(port), from: `the container ${container.name}` };
  return listening.has(known.port) ? { url: url(known.port), from: `port ${known.port} of this host` } : undefined;
}

/** Private addresses (RFC 1918, RFC 6598, RFC 4193) and those of one link alone. */
const PRIVATE = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|127\.|f[cd]|fe80:|::1$)/i;

export const isPublic = (address: string): boolean => !PRIVATE.test(address);

/** Puts a value at a path, making the groups on the way. */
export function withValue(settings: JsonObject, [key = '', ...rest]: readonly string[], value: Json): JsonObject {
  if (rest.length === 0) return { ...settings, [key]: value };
  const inner = settings[key];
  const group = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
  return { ...settings, [key]: withValue(group, rest, value) };
}

export const valueAt = (settings: JsonObject, path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>(
    (node, key) => (typeof node === 'object' && node !== null && !Array.isArray(node) ? node[key] : undefined),
    settings,
  );

const SUGGESTIONS = `
# Every setting: docs/settings.md, or \`medianest config show\`. Some that people often want:
#
# app:
#   image: ghcr.io/you/app:1.0.0       # your own application instead of the reference portal
#   media: { kind: nfs, server: nas.home, export: /volume1/films }
#   replicas: 2
# components:
#   cdn: false                         # switches a part of the profile off
#   sign-on: false                     # visitors of prod and staging do not sign in
# networks:
#   db: { subnet: 192.168.200.0/24 }   # a range of your choice`;

/** medianest.yml, each setting with what it means. @param describe what the schema says of a path; `order` is that of its keys */
export function settingsText(
  settings: JsonObject,
  describe: (path: readonly string[]) => string | undefined,
  schema: string,
  order: readonly string[],
  by = 'medianest init',
): string {
  const lines = (group: JsonObject, path: readonly string[]): string[] =>
    Object.entries(group).flatMap(([key, value]) => {
      const here = [...path, key];
      const indent = '  '.repeat(path.length);
      const description = describe(here);
      const comment = description ? [`${indent}# ${description}`] : [];
      const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
      if (isGroup) return [...comment, `${indent}${stringify(key).trim()}:`, ...lines(value, here)];
      const text = stringify({ [key]: value }, { lineWidth: 0, collectionStyle: 'flow' }).trim();
      // A whole mapping in flow style has braces of its own.
      return [...comment, `${indent}${text.replace(/^\{\s*/, '').replace(/\s*\}$/, '')}`];
    });
  const groups = Object.entries(settings).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  return [
    `# yaml-language-server: $schema=${schema}`,
    `# Written by \`${by}\`; yours from now on.`,
    ...groups.flatMap(([key, value]) => ['', ...lines({ [key]: value }, [])]),
    SUGGESTIONS,
    '',
  ].join('\n');
}
