import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { converge } from '../reconcile/converge.ts';
import { prepare } from '../reconcile/prepare.ts';
import type { ImageSpec, Stack } from '../stack/types.ts';
import { tools } from './all-images.ts';
import { renewLock } from './image-lock.ts';
import { inventory, offersFor } from './inventory.ts';
import { newerPackages } from './plan/newer.ts';
import { builtImages, type ImageUpdate, inSafeOrder, updateMarks } from './plan/updates.ts';

export interface UpdateOutcome {
  result: 'updated' | 'current' | 'planned';
  updates: ImageUpdate[];
  /** Components in the order in which they were, or would be, renewed. */
  order: string[];
  seconds: number;
}

/**
 * Builds the images again whose packages have newer versions, and puts them into service one component at a time, each
 * healthy before the next; replicas of the application one by one. Where a lock holds the builds, it moves first.
 */
export async function update(context: Context, project: Project): Promise<UpdateOutcome> {
  const started = context.clock.now().getTime();
  const { stack, tool } = await prepare(context, project.loaded, { unchecked: true });
  const updates = await newerInImages(context, stack);
  const touched = (image: ImageSpec): boolean =>
    updates.some((entry) => entry.image === image.name) || (image.build?.after !== undefined && touched(image.build.after));
  const order = inSafeOrder(
    stack.services.filter((service) => touched(service.image)),
    stack.services,
  );
  const outcome = (result: UpdateOutcome['result']): UpdateOutcome => ({
    result,
    updates,
    order,
    seconds: (context.clock.now().getTime() - started) / 1000,
  });
  if (updates.length === 0) return outcome('current');
  if (context.flags.dryRun) return outcome('planned');
  const held = stack.images.some(({ build }) => build?.held !== undefined);
  if (held) await renewLock(context, project, [...updates.map(({ image }) => image), ...tools(tool).map(({ name }) => name)]);
  for (const component of order) {
    await converge(context, project, {
      overwrite: false,
      command: `update ${component}`,
      only: [component],
      ...(!held && { overrides: (overrides) => ({ ...overrides, updates: updateMarks(updates, overrides.updates ?? {}) }) }),
    });
  }
  await warnOfRest(context, project, updates);
  return outcome('updated');
}

/** What the mirror has that is newer than what the images have; nothing is changed. */
async function newerInImages(context: Context, stack: Stack, names?: readonly string[]): Promise<ImageUpdate[]> {
  const engine = await context.engine();
  const images = builtImages(stack.images).filter(({ name }) => !names || names.includes(name));
  const missing = await engine.missingImages(images.map(({ ref }) => ref));
  if (missing.length > 0)
    throw new UserError('NOT_RUNNING', `${missing.join(', ')} was not built yet; nothing was changed`, 'medianest up');
  const found = await inventory(context, images);
  const offers = await offersFor(context, found);
  return found.flatMap(([{ name: image, ref }, contents]) => {
    const packages = newerPackages(contents, offers);
    return packages.length > 0 ? [{ image, ref, packages }] : [];
  });
}

/** A build with the same packages as before would be offered again and again: the base image may hold packages back. */
async function warnOfRest(context: Context, project: Project, updates: readonly ImageUpdate[]): Promise<void> {
  const { stack } = await prepare(context, project.loaded, { unchecked: true });
  const names = updates.map(({ image }) => image);
  for (const { image, packages } of await newerInImages(context, stack, names))
    context.report.warn(`${image} still has older packages after its build: ${packages.map(({ name }) => name).join(', ')}`);
}
