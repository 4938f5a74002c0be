import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import { shown } from '../core/reporter.ts';
import { withLock } from '../project/with-lock.ts';
import { type Prepared, prepare } from '../reconcile/prepare.ts';
import type { ImageLock } from '../stack/image-lock.ts';
import type { ImageSpec } from '../stack/types.ts';
import { allImages, tools } from './all-images.ts';
import { type Inventory, inventory, offersFor } from './inventory.ts';
import { type BaseImage, lockedImage, movedWith } from './plan/locked-image.ts';
import type { Offers } from './plan/newer.ts';
import { buildImage } from './store/build-image.ts';
import { canDoWithout, lockChanges } from './store/images.ts';
import { findLock, lockFile, readLock } from './store/lock-file.ts';

export interface LockOutcome {
  file: string;
  lock: ImageLock;
  /** Against what was locked before; undefined where nothing was. */
  changes: string[] | undefined;
}

export interface LockRequest {
  /** Write nothing, compare. */
  check?: boolean;
  /** Where to, in place of the file beside medianest.yml. */
  out?: string | undefined;
}

/** What each image of the stack is made of; written beside medianest.yml unless it is only compared. */
export async function lockImages(context: Context, project: Project, { check = false, out }: LockRequest): Promise<LockOutcome> {
  const { loaded } = project;
  const file = out === undefined ? lockFile(loaded.root) : path.resolve(context.cwd, out);
  const before = readLock(file)?.lock;
  if (check && !before) throw new UserError('USAGE', `there is no ${file} to compare with`, 'medianest images lock writes it');
  const prepared = await prepare(context, loaded, { unchecked: true });
  const images = await presentImages(context, prepared);
  const lock = await record(context, loaded.profile, images, before, { mirror: !check });
  if (!check && !context.flags.dryRun) {
    writeAtomic(file, `${JSON.stringify(lock, null, 1)}\n`, 0o644, null);
    await nameAsLocked(context, project, images);
  }
  return { file, lock, changes: before && lockChanges(before, lock) };
}

/**
 * Builds images with the newest packages and records these, so that the next `up` uses them. Nothing that runs is touched.
 * @param only names of the images that move; all where undefined
 */
export async function renewLock(context: Context, project: Project, only?: readonly string[]): Promise<LockOutcome> {
  const { loaded, state } = project;
  const file = lockFile(loaded.root);
  const before = findLock(loaded.root, context.home)?.lock;
  // Names of their own: those in use keep their images until the lock is written.
  const updates = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'newest']));
  const engine = await context.engine();
  const current = await allImages(await prepare(context, loaded, { unchecked: true }), engine);
  const names = movedWith(current, only);
  const { stack, tool } = await prepare(context, loaded, {
    unchecked: true,
    unlocked: true,
    overrides: (overrides) => ({ ...overrides, updates: updates(names) }),
  });
  const toBuild = [...stack.images, ...tools(tool)].filter((image) => names.includes(image.name));
  return withLock(context, state, 'images lock', async (_lock, note) => {
    note(toBuild.map(({ name }) => name));
    const docker = await context.docker();
    for (const image of toBuild)
      await shown(context.report, `build image ${image.name} with the newest packages`, (task) =>
        buildImage(image, context, docker, (line) => task.detail(line)),
      );
    const lock = await record(context, loaded.profile, toBuild, before, { mirror: true });
    writeAtomic(file, `${JSON.stringify(lock, null, 1)}\n`, 0o644, null);
    await nameAsLocked(context, project, toBuild);
    for (const { ref } of toBuild) await engine.removeImage(ref);
    return { file, lock, changes: before && lockChanges(before, lock) };
  });
}

/** Those of the stack that the engine has. @throws UserError where one that a container is started from is missing */
async function presentImages(context: Context, prepared: Prepared): Promise<ImageSpec[]> {
  const engine = await context.engine();
  const images = await allImages(prepared, engine);
  const missing = await engine.missingImages(images.map(({ ref }) => ref));
  const published = missing.filter((ref) => prepared.stack.services.some(({ image }) => image.ref === ref));
  const needed = published.filter((ref) => !canDoWithout(prepared.stack, ref));
  if (needed.length > 0)
    throw new UserError(
      'IMAGE_MISSING',
      `the engine does not have ${needed.join(', ')}; nothing was written`,
      'medianest images build, or medianest images load FILE',
    );
  for (const ref of published) context.report.warn(`${ref} is not here and is not recorded: docker pull ${ref}, then lock again`);
  for (const ref of missing.filter((entry) => !published.includes(entry)))
    context.report.warn(`${ref}, which others are built on, is not here and is not recorded: a build cannot be held to this lock alone`);
  return images.filter(({ ref }) => !missing.includes(ref));
}

/**
 * What these images have; the others of the lock stay as they were recorded.
 * @param mirror whether the suite of each package is asked for, which a comparison does without
 */
async function record(
  context: Context,
  profile: string,
  images: readonly ImageSpec[],
  before: ImageLock | undefined,
  { mirror }: { mirror: boolean },
): Promise<ImageLock> {
  const engine = await context.engine();
  const found = await inventory(context, images);
  const offers = mirror ? await optionalOffers(context, found) : undefined;
  const at = context.clock.now();
  const entries: ImageLock['images'] = {};
  for (const [image, contents] of found) {
    const info = await engine.image(image.ref);
    entries[image.name] = lockedImage({
      image,
      id: info?.id ?? '',
      digests: info?.digests ?? [],
      base: image.build && (await baseOf(context, image)),
      contents,
      offers,
      at,
    });
  }
  const kept = before?.format === 2 ? before.images : {};
  const all = Object.entries({ ...kept, ...entries }).sort(([a], [b]) => (a < b ? -1 : 1));
  const architecture = offers?.architecture || anyArchitecture(found);
  return { format: 2, medianest: context.version, profile, ...(architecture && { architecture }), images: Object.fromEntries(all) };
}

/** Debian's name for what the packages are for, where there is one that is not for all. */
const anyArchitecture = (found: Inventory): string =>
  found.flatMap(([, { packages }]) => Object.values(packages)).find(({ architecture }) => architecture !== 'all')?.architecture ?? '';

/** Without a network a lock holds builds to its versions all the same, as long as the mirror has them. */
async function optionalOffers(context: Context, found: Inventory): Promise<Offers | undefined> {
  try {
    return await offersFor(context, found);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'BUILD_FAILED') throw error;
    context.report.warn(`${error.message}: recorded without suites, so that a build cannot look for a version in an archive`);
    return undefined;
  }
}

async function baseOf(context: Context, image: ImageSpec): Promise<BaseImage | undefined> {
  const { base: ref, args } = image.build ?? {};
  const info = ref && args?.BASE_IMAGE && (await (await context.engine()).image(args.BASE_IMAGE));
  return info ? { ref, id: info.id, digests: info.digests } : undefined;
}

/** What has just been recorded is what the lock's names stand for: it is not built again. */
async function nameAsLocked(context: Context, { loaded }: Project, recorded: readonly ImageSpec[]): Promise<void> {
  const engine = await context.engine();
  const { stack, tool } = await prepare(context, loaded, { unchecked: true });
  for (const { name, ref, build } of [...stack.images, ...tools(tool)]) {
    const source = recorded.find((image) => image.name === name);
    if (build?.held && source && source.ref !== ref) await engine.tag(source.ref, ref);
  }
}
