import { parse } from 'yaml';
import { canonical } from '../../core/hash.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { readPlainYaml } from '../../stack/compose/plain-yaml.ts';
import { COMPOSE_FILE } from '../../stack/render.ts';
import { READY_PATH, type Rendered, type Service } from '../../stack/types.ts';

export type Action = 'keep' | 'create' | 'recreate' | 'start' | 'reload' | 'remove';

/** What happens to one service, told before it happens. */
export interface Change {
  service: string;
  action: Action;
  cause: string;
  downtime: string;
  dataRisk: string;
}

/** In words, why a running container no longer fits; from its label, and from the Compose file it was started with. */
export function recreateCause(
  service: Service,
  label: string | undefined,
  next: string,
  before: JsonObject | undefined,
  after: JsonObject | undefined,
): string {
  const [old, now] = [inputs(label), inputs(next)];
  if (!old) return 'its label is from another version of medianest';
  const changed = [...new Set([...Object.keys(old), ...Object.keys(now ?? {})])].filter((key) => old[key] !== now?.[key]);
  const reasons = changed.map((key) => {
    switch (key) {
      case 'definition':
        return definitionCause(before, after);
      case 'networks':
        return 'the address range or reach of its networks';
      case 'secrets':
        return `a secret it reads (${service.secrets.map((secret) => secret.name).join(', ')})`;
      case 'config':
        return 'its configuration files';
      case 'certificate':
        return 'its certificate';
      case 'restarts':
        return 'settings that it reads at its start alone';
      case 'protocol':
        return `it is spoken to in ${now?.protocol} (was ${old.protocol})`;
      case 'ready':
        return `the balancer asks it for ${now?.ready ?? READY_PATH} (was ${old.ready ?? READY_PATH})`;
      default:
        return 'compose.override.yml';
    }
  });
  return `changed: ${reasons.join('; ')}`;
}

/** The protocol that a replica behind a balancer was started for. */
export const protocolOf = (label: string | undefined): string | undefined => inputs(label)?.protocol;

/** Hash of the networks that a container was started in; undefined where it is not known. */
export const networksOf = (label: string | undefined): string | undefined => inputs(label)?.networks;

function inputs(label: string | undefined): Record<string, string> | undefined {
  try {
    return label === undefined ? undefined : (JSON.parse(label) as Record<string, string>);
  } catch {
    return undefined;
  }
}

/** The keys of a service's definition that differ, such as `environment.LOG_LEVEL, image`. */
function definitionCause(before: JsonObject | undefined, after: JsonObject | undefined): string {
  const paths = before && after ? differences(before, after) : [];
  return paths.length > 0 ? paths.slice(0, 4).join(', ') + (paths.length > 4 ? `, and ${paths.length - 4} more` : '') : 'its definition';
}

/** Paths, of two keys at most, at which two definitions differ; labels are ours. */
export function differences(a: Json | undefined, b: Json | undefined, path: string[] = []): string[] {
  if (canonical(a ?? null) === canonical(b ?? null)) return [];
  const bothObjects = [a, b].every((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  if (!bothObjects || path.length >= 2) return [path.join('.')];
  const keys = new Set([...Object.keys(a as JsonObject), ...Object.keys(b as JsonObject)]);
  return [...keys]
    .filter((key) => key !== 'labels')
    .flatMap((key) => differences((a as JsonObject)[key], (b as JsonObject)[key], [...path, key]));
}

/** The services of a rendered Compose file, for comparison. */
export const composeServices = (text: string | undefined): Record<string, JsonObject> => composeSection(text, 'services');

/** Its networks, likewise. */
export const composeNetworks = (text: string | undefined): Record<string, JsonObject> => composeSection(text, 'networks');

function composeSection(text: string | undefined, name: 'services' | 'networks'): Record<string, JsonObject> {
  if (text === undefined) return {};
  try {
    return ((readPlainYaml(text) ?? parse(text)) as Partial<Record<typeof name, Record<string, JsonObject>>> | null)?.[name] ?? {};
  } catch {
    // As it stands on disk it may be an operator's edit, and no YAML at all.
    return {};
  }
}

/** The named volumes of rendered files, without the project's name, and without those of the operator's override. */
export function renderedVolumes(files: readonly { path: string; contents: string }[]): string[] {
  const text = files.find(({ path }) => path === COMPOSE_FILE)?.contents ?? '';
  return Object.keys((parse(text) as { volumes?: object } | null)?.volumes ?? {});
}

export interface FileChange {
  path: string;
  action: 'create' | 'change' | 'remove';
}

/** Rendered files against those of the last render. */
export function fileChanges(rendered: Rendered, before: readonly { path: string; contents: string }[]): FileChange[] {
  const old = new Map(before.map((file) => [file.path, file.contents]));
  const written = rendered.files.flatMap((file): FileChange[] => {
    const previous = old.get(file.path);
    if (previous === file.contents) return [];
    return [{ path: file.path, action: previous === undefined ? 'create' : 'change' }];
  });
  const kept = new Set(rendered.files.map((file) => file.path));
  return [...written, ...[...old.keys()].filter((path) => !kept.has(path)).map((path): FileChange => ({ path, action: 'remove' }))];
}
