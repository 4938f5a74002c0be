import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { writeAtomic } from '../../core/files.ts';
import { canonical, shortHash } from '../../core/hash.ts';
import { shown } from '../../core/reporter.ts';
import { currentUser } from '../../core/user.ts';
import type { Engine, ImageInfo } from '../../docker/types.ts';
import { buildImage, pullImage } from '../../images/store/build-image.ts';
import { execute } from '../../project/execute.ts';
import { readOverrides } from '../../reconcile/prepare.ts';
import { type AppVersion, appVersion, type Overrides } from '../../stack/overrides.ts';
import { withRole } from '../../stack/roles.ts';
import type { ImageSpec, Stack } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { ownImages } from '../plan/deploy.ts';
import {
  currentRelease,
  isSameVersion,
  nextRelease,
  processTag,
  type Release,
  type ReleaseImage,
  releaseTag,
  settleInterrupted,
  withRelease,
} from '../plan/releases.ts';

export const readReleases = (state: StateFolder): Release[] =>
  state.readJson<Release[]>('releases.json', 'what was deployed before can no longer be found by its number', areReleases) ?? [];

const areReleases = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => typeof entry?.id === 'string' && typeof entry.version === 'object');

/** Records how interrupted deploys ended. */
export function settleReleases(state: StateFolder, ordered: string | undefined): void {
  for (const release of settleInterrupted(readReleases(state), ordered)) saveRelease(state, release);
}

export function saveRelease(state: StateFolder, release: Release): void {
  writeAtomic(state.at('releases.json'), `${JSON.stringify(withRelease(readReleases(state), release), null, 1)}\n`, 0o600);
}

/** Stores the overrides, where they are others than those that are stored. */
export async function remember(state: StateFolder, run: Execution, wanted: Overrides, cause: string): Promise<void> {
  if (canonical(wanted) !== canonical(readOverrides(state))) await execute([{ kind: 'store-overrides', overrides: wanted, cause }], run);
}

/** The image under a name, pulled or built where the engine lacks it, or always pulled where `fresh`. */
export async function obtainImage(
  ref: string,
  spec: ImageSpec,
  fresh: boolean,
  run: Pick<Execution, 'context' | 'engine' | 'docker'>,
): Promise<ImageInfo> {
  const { context, engine, docker } = run;
  const found = await engine.image(ref);
  if (found && !(fresh && !spec.build)) return found;
  await shown(context.report, spec.build ? `build image ${ref}` : `pull image ${ref}`, async (task) => {
    const onLine = (line: string) => task.detail(line);
    await (spec.build ? buildImage(spec, context, docker, onLine) : pullImage(ref, context, docker, onLine));
  });
  return (await engine.image(ref)) as ImageInfo;
}

/**
 * The very image of a release: by its protecting name, by its id, from where it was pulled; or built again, where it is
 * the portal and its source is still the same.
 * @throws UserError IMAGE_MISSING, before anything has changed
 */
export async function releaseImage(
  project: string,
  release: Release,
  portal: ImageSpec,
  run: Pick<Execution, 'context' | 'engine' | 'docker'>,
): Promise<ImageInfo> {
  const found = await exactImage([releaseTag(project, release.id)], release, run);
  if (found) return found;
  if (portal.build && portal.ref === release.image) return obtainImage(portal.ref, portal, false, run);
  throw imageGone(release.id, release);
}

/** An image with this very id, by these names, by the id, or from where it was pulled; undefined where it is nowhere. */
export async function exactImage(
  names: readonly string[],
  { imageId, digests }: ReleaseImage,
  run: Pick<Execution, 'context' | 'engine' | 'docker'>,
): Promise<ImageInfo | undefined> {
  for (const name of [...names, imageId]) {
    const found = await run.engine.image(name);
    if (found?.id === imageId) return found;
  }
  for (const digest of digests) {
    const pulled = await obtainImage(digest, { name: 'app', ref: digest }, true, run).catch((error) => {
      if (run.context.signal.aborted) throw error;
    });
    if (pulled?.id === imageId) return pulled;
  }
  return undefined;
}

export const imageGone = (id: string, { image, imageId }: Pick<ReleaseImage, 'image' | 'imageId'>): UserError =>
  new UserError(
    'IMAGE_MISSING',
    `the image of release ${id} (${image}, ${imageId.slice(0, 19)}) is no longer here and cannot be pulled; nothing was changed`,
    `load it (docker load) or build it again, then: medianest deploy --image ${image}`,
  );

/** Names a release's image so that it is not pruned. */
export const keepImage = (engine: Engine, tag: string, image: ImageInfo): Promise<void> => engine.tag(image.id, tag);

/**
 * After an `up`: what serves now is a release of its own where it differs from the last one, and a deploy that was
 * interrupted has been rolled back. With `error`, it is one that an `up` began and that does not serve: its migration counts, its image is not kept.
 */
export async function noteRelease(
  state: StateFolder,
  engine: Engine,
  stack: Stack,
  { app, services }: { app: object; services: object },
  facts: { changed: boolean; time: Date; seconds: number; command: string } & Pick<Release, 'migrated' | 'restorePoint' | 'error'>,
): Promise<void> {
  const replica = withRole(stack.services, 'application')[0];
  if (!replica) return;
  settleReleases(state, stack.overrides.app?.release);
  const releases = readReleases(state);
  const current = currentRelease(releases);
  if (current && !facts.changed) return;
  const image = await engine.image(replica.image.ref);
  const version = stack.overrides.app?.version ?? appVersion(app, services);
  const settings = shortHash(version);
  const images = await imagesOf(engine, stack, version);
  if (!image || !images || (current && isSameVersion(current, { imageId: image.id, settings, images }))) return;
  const id = nextRelease(releases, stack.overrides.app?.release);
  if (facts.error === undefined) {
    await keepImage(engine, releaseTag(stack.project, id), image);
    for (const [name, { imageId, digests }] of Object.entries(images))
      await keepImage(engine, processTag(stack.project, id, name), { id: imageId, digests });
  }
  saveRelease(state, {
    id,
    image: replica.image.ref,
    imageId: image.id,
    digests: image.digests,
    ...(Object.keys(images).length > 0 && { images }),
    settings,
    version,
    time: facts.time.toISOString(),
    user: currentUser(),
    command: facts.command,
    result: facts.error === undefined ? 'deployed' : 'failed',
    seconds: facts.seconds,
    ...(facts.error !== undefined && { error: facts.error }),
    ...(facts.migrated && { migrated: facts.migrated }),
    ...(facts.restorePoint && { restorePoint: facts.restorePoint }),
  });
}

/** Images of processes that have their own; undefined where the engine lacks one of them. */
async function imagesOf(engine: Engine, stack: Stack, version: AppVersion): Promise<Record<string, ReleaseImage> | undefined> {
  const images: Record<string, ReleaseImage> = {};
  for (const name of Object.keys(ownImages(version))) {
    const ref = withRole(stack.services, 'application').find(({ component }) => component === name)?.image.ref;
    const found = ref && (await engine.image(ref));
    if (!ref || !found) return undefined;
    images[name] = { image: ref, imageId: found.id, digests: found.digests };
  }
  return images;
}
