import { UserError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { plural } from '../../core/plural.ts';
import type { ObservedVolume } from '../../docker/types.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';
import type { Stack } from '../../stack/types.ts';

/** Whether a volume is this project's own, and neither a preview's nor a job's. */
export const isOf = ({ labels }: ObservedVolume, project: string): boolean =>
  labels[LABEL.project] === project && labels[LABEL.preview] === undefined && labels[LABEL.job] === undefined;

/**
 * Volumes that the last render has, and the stack has not: nothing reads them any more, and what comes instead begins without
 * their data. A member that goes while its component stays leaves nothing: the others have what it had.
 * @param services of the Compose file that was rendered last @returns names without the project's
 */
export function abandonedVolumes(services: Readonly<Record<string, JsonObject>>, stack: Pick<Stack, 'services' | 'volumes'>): string[] {
  const names = new Set(stack.services.map(({ name }) => name));
  const components = new Set(stack.services.map(({ component }) => component));
  const abandoned = Object.entries(services).flatMap(([service, { volumes, labels }]) => {
    const component = (labels as JsonObject | undefined)?.[LABEL.component];
    if (!names.has(service) && components.has(String(component))) return [];
    const mounts = (Array.isArray(volumes) ? volumes : []) as JsonObject[];
    return mounts.flatMap(({ type, source }) =>
      type === 'volume' && typeof source === 'string' && !stack.volumes.includes(source) ? [source] : [],
    );
  });
  return [...new Set(abandoned)].sort();
}

/** Those of them that are there. */
export const leftBehind = (abandoned: readonly string[], project: string, volumes: readonly ObservedVolume[]): string[] =>
  abandoned.filter((name) => volumes.some((volume) => volume.name === volumeName(project, name) && isOf(volume, project)));

/** The same of volumes that an override has added, by the engine's names. @returns them without the project's name, where they have it */
export function addedLeftBehind(abandoned: readonly string[], project: string, volumes: readonly ObservedVolume[]): string[] {
  const prefix = volumeName(project, '');
  return abandoned
    .filter((name) => volumes.some((volume) => volume.name === name && isOf(volume, project)))
    .map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
}

/** For people; undefined where nothing is left behind. */
export const leftBehindText = (names: readonly string[]): string | undefined =>
  names.length === 0
    ? undefined
    : `Data that does not come along: ${names.join(', ')}. ${names.length === 1 ? 'This volume stays' : 'These volumes stay'}, and nothing reads ${names.length === 1 ? 'it' : 'them'} any more; \`medianest up --carry-data\` brings the database of one server (dev-compose) into a cluster; a cache is never carried.`;

/** The same of what comes along. */
export const carriedText = (names: readonly string[]): string | undefined =>
  names.length === 0
    ? undefined
    : `Data that comes along: ${names.join(', ')}. The old ${names.length === 1 ? 'volume is' : 'volumes are'} only read, and stay${names.length === 1 ? 's' : ''} until you remove ${names.length === 1 ? 'it' : 'them'}.`;

/**
 * Volumes of the project that was started from this state folder before, of which the project has none of its own under the new
 * name. @param recorded the name before
 */
export function renamedAway(recorded: string | undefined, project: string, volumes: readonly ObservedVolume[]): string[] {
  if (recorded === undefined || recorded === project) return [];
  const names = new Set(volumes.map(({ name }) => name));
  const prefix = volumeName(recorded, '');
  return volumes
    .filter((volume) => isOf(volume, recorded) && volume.name.startsWith(prefix))
    .map(({ name }) => name)
    .filter((name) => !names.has(volumeName(project, name.slice(prefix.length))))
    .sort();
}

const SHOWN = 4;

export function renameRefusal(recorded: string, project: string, stateRoot: string, volumes: readonly string[]): UserError {
  const shown = volumes.length > SHOWN ? `${volumes.slice(0, SHOWN).join(', ')} and ${volumes.length - SHOWN} more` : volumes.join(', ');
  return new UserError(
    'FOREIGN_STATE',
    `${stateRoot} is the state folder of the project ${recorded}, whose data is in ${plural(volumes.length, 'volume')} (${shown}); ${project} would begin without it; nothing was changed`,
    `keep the name: \`project: ${recorded}\` in medianest.yml, or --project ${recorded}; to copy them to the new name: medianest up --carry-data; to begin empty and leave them as they are: medianest up --new-data`,
    { path: stateRoot },
  );
}
