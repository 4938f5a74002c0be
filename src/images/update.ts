import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shown } from '../core/reporter.ts';
import { converge } from '../reconcile/converge.ts';
import { prepare } from '../reconcile/prepare.ts';
import type { ImageSpec } from '../stack/types.ts';
import { builtImages, type ImageUpdate, inSafeOrder, parseSimulation, updateMarks } from './plan/updates.ts';

export interface UpdateOutcome {
  result: 'updated' | 'current' | 'planned';
  updates: ImageUpdate[];
  /** Components in the order in which they were, or would be, renewed. */
  order: string[];
  seconds: number;
}

/** Asks Debian what is newer than the packages in an image; nothing is changed. */
const SIMULATE = 'apt-get update -qq && apt-get --simulate upgrade';

/**
 * Builds the images again whose packages have newer versions, and puts them into service one component at a time, each
 * healthy before the next; replicas of the application one by one.
 */
export async function update(context: Context, opened: Project): Promise<UpdateOutcome> {
  const started = context.clock.now().getTime();
  const engine = await context.engine();
  const { stack } = await prepare(context, opened.loaded, { unchecked: true });
  const images = builtImages(stack.images);
  const missing = await engine.missingImages(images.map(({ ref }) => ref));
  if (missing.length > 0)
    throw new UserError('NOT_RUNNING', `${missing.join(', ')} was not built yet; nothing was changed`, 'medianest up');
  const updates: ImageUpdate[] = [];
  for (const image of images) {
    const packages = await shown(context.report, `look for newer packages of ${image.name}`, () => newerPackages(image, context));
    if (packages.length > 0) updates.push({ image: image.name, ref: image.ref, packages });
  }
  const touched = (ref: ImageSpec): boolean =>
    updates.some((entry) => entry.image === ref.name) || (ref.build?.after !== undefined && touched(ref.build.after));
  const order = inSafeOrder(stack.services.filter((service) => touched(service.image)).map((service) => service.component));
  const outcome = (result: UpdateOutcome['result']): UpdateOutcome => ({
    result,
    updates,
    order,
    seconds: (context.clock.now().getTime() - started) / 1000,
  });
  if (updates.length === 0) return outcome('current');
  if (context.flags.dryRun) return outcome('planned');
  for (const component of order) {
    await converge(context, opened, {
      overwrite: false,
      command: `update ${component}`,
      only: [component],
      overrides: (overrides) => ({ ...overrides, updates: updateMarks(updates, overrides.updates ?? {}) }),
    });
  }
  await warnOfRest(context, opened, updates);
  return outcome('updated');
}

/** A build with the same packages as before would be offered again and again: the base image may hold packages back. */
async function warnOfRest(context: Context, opened: Project, updates: readonly ImageUpdate[]): Promise<void> {
  const { stack } = await prepare(context, opened.loaded, { unchecked: true });
  for (const image of builtImages(stack.images).filter(({ name }) => updates.some((entry) => entry.image === name))) {
    const rest = await newerPackages(image, context);
    if (rest.length > 0)
      context.report.warn(`${image.name} still has older packages after its build: ${rest.map(({ name }) => name).join(', ')}`);
  }
}

/** The last of what was said, without Docker's advice to read its help. */
const told = (tail: readonly string[]): string =>
  tail
    .filter((line) => line.trim() !== '' && !line.includes('--help'))
    .slice(-2)
    .join(' | ');

async function newerPackages(image: ImageSpec, context: Context) {
  const docker = await context.docker();
  const args = ['run', '--rm', '--user', '0:0', '--entrypoint', 'sh', '--tmpfs', '/tmp', image.ref, '-c', SIMULATE];
  const { exitCode, stdout, tail } = await docker.run(args, { signal: context.signal, proxies: true });
  if (exitCode === 0) return parseSimulation(stdout);
  throw new UserError(
    'BUILD_FAILED',
    `the package lists of ${image.ref} cannot be read: ${told(tail)}; nothing was changed`,
    'check that containers reach the package mirror (network, DNS, proxy)',
  );
}
