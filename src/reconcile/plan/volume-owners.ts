import type { Check } from '../../capability/check.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import { readPlainYaml } from '../../stack/compose/plain-yaml.ts';
import { volumeName } from '../../stack/labels.ts';
import type { Service, Stack } from '../../stack/types.ts';
import type { Step } from './step.ts';

/** `volume-owners.json`: volume, without the project's name -> whom `up` gave it to. */
export type VolumeOwners = Readonly<Record<string, { owner: string; createdAt?: string | undefined }>>;

/** A named volume of Compose files: its full name, whether it is made elsewhere, and how it is made otherwise. */
export interface ComposedVolume {
  name?: string;
  external?: boolean;
  driver?: string;
  driver_opts?: Record<string, string>;
}

export type ComposedVolumes = Readonly<Record<string, ComposedVolume>>;

/**
 * The volumes of a Compose file as it was rendered: Compose would read them so.
 * @returns undefined where that is not sure: the file was edited, or something in its volumes has a `$`
 */
export function renderedVolumesOf(text: string): ComposedVolumes | undefined {
  const volumes = readPlainYaml(text)?.volumes;
  if (typeof volumes !== 'object' || volumes === null || Array.isArray(volumes)) return undefined;
  return JSON.stringify(volumes).includes('$') ? undefined : (volumes as unknown as ComposedVolumes);
}

export interface OwnerFacts {
  volumeOwners: VolumeOwners;
  /** When each volume of the engine was made; asked only when a container will be created. */
  volumesMade?: Readonly<Record<string, string | undefined>> | undefined;
  containers?: Existing | undefined;
}

/** Containers that are there: the engine has their images. */
type Existing = readonly Pick<ObservedContainer, 'service' | 'image'>[];

/**
 * Gives volumes to the user that their containers run as, where that was not done, was done for another user, or for an earlier
 * volume of that name. Neither the image of the operator nor an earlier user leaves them so.
 */
export function ownerSteps(stack: Stack, wanted: readonly Service[], { volumeOwners, volumesMade, containers }: OwnerFacts): Step[] {
  const seen = new Set<string>();
  return wanted.flatMap((service) => {
    const { uid, gid = uid, mounts, component } = service;
    return mounts.flatMap(({ source, ofUser }): Step[] => {
      if (!ofUser || seen.has(source)) return [];
      seen.add(source);
      const [known, owner] = [volumeOwners[source], `${uid}:${gid}`];
      const same = known !== undefined && (!volumesMade || volumesMade[volumeName(stack.project, source)] === known.createdAt);
      if (same && known.owner === owner) return [];
      const cause =
        same && known.owner !== owner
          ? `${component} ran as ${known.owner} before; what still runs so cannot write until it is replaced`
          : `${component} writes to it`;
      const image = toolsImage(stack, wanted, service, containers);
      return [{ kind: 'own-volume', volume: source, project: stack.project, uid, gid, image, cause }];
    });
  });
}

/**
 * An image that has the programs to set owners: not that of the operator, which may have none, where there is another. A run for some
 * services builds no image of the others, so of these it is that of a container that is there.
 */
export function toolsImage(stack: Stack, wanted: readonly Service[], own: Service, containers: Existing = []): string {
  const isBuilt = ({ image }: Service) => image.build !== undefined;
  const known = isBuilt(own) ? own : wanted.find(isBuilt);
  if (known) return known.image.ref;
  const others = stack.services.filter(isBuilt);
  const there = containers.find(({ service }) => others.some(({ name }) => name === service));
  return there?.image ?? (others[0] ?? own).image.ref;
}

/** The same of a rendered Compose file, for these services, whatever was recorded. */
export function renderedOwnerSteps(
  services: Readonly<Record<string, JsonObject>>,
  names: readonly string[],
  project: string,
  cause: string,
): Step[] {
  const images = Object.values(services).map(({ image }) => String(image));
  const built = images.find((image) => image.startsWith('medianest/'));
  const steps = new Map<string, Step>();
  for (const [name, { user, image, environment, volumes }] of Object.entries(services)) {
    const [uid = 0, gid = uid] = String(user).split(':').map(Number);
    // Of the application alone; its processes have components of their own.
    if (!names.includes(name) || (environment as JsonObject | undefined)?.APP_REPLICA !== name) continue;
    for (const volume of writableVolumes(volumes))
      steps.set(volume.source, { kind: 'own-volume', volume: volume.source, project, uid, gid, image: built ?? String(image), cause });
  }
  return [...steps.values()];
}

/** The volumes in a rendered service that its user writes to, but for those of an NFS server. */
export const writableVolumes = (volumes: unknown): { source: string; target: string }[] =>
  ((Array.isArray(volumes) ? volumes : []) as JsonObject[]).flatMap(({ type, source, target, read_only }) =>
    type === 'volume' && !read_only && !String(source).startsWith('media-nfs-') ? [{ source: String(source), target: String(target) }] : [],
  );

/** @param exitCode of `test -w` in a container; undefined where it could not be run @returns undefined where nothing is known to be wrong */
export const unwritableCheck = (volume: string, user: string, exitCode: number | undefined): Check | undefined =>
  exitCode === 1
    ? {
        id: `volume-${volume}`,
        status: 'fail',
        message: `the application, which runs as user ${user}, cannot write to its volume ${volume}`,
        remedy: 'medianest restart app sets its owner',
      }
    : undefined;
