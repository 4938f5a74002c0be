import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shown } from '../core/reporter.ts';
import { didYouMean } from '../core/suggest.ts';
import { withLock } from '../project/with-lock.ts';
import { prepare } from '../reconcile/prepare.ts';
import { buildImage } from './store/build-image.ts';

export interface BuiltImage {
  name: string;
  ref: string;
  action: 'built' | 'kept' | 'yours' | 'to build' | 'pulled by up';
}

/** Builds what the engine lacks, in order; `fresh` builds all of them again. The operator's own images are left alone. */
export async function buildImages(
  context: Context,
  { loaded, state }: Project,
  names: readonly string[],
  fresh: boolean,
): Promise<BuiltImage[]> {
  const engine = await context.engine();
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const known = stack.images.map((image) => image.name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown)
    throw new UserError(
      'UNKNOWN_SERVICE',
      `the profile has no image ${JSON.stringify(unknown)}; ${didYouMean(unknown, known)}`,
      'medianest images build builds all of them',
    );
  const chosen = stack.images.filter((image) => names.length === 0 || names.includes(image.name));
  const missing = await engine.missingImages(chosen.map((image) => image.ref));
  const toBuild = chosen.filter((image) => image.build && (fresh || missing.includes(image.ref)));
  const report = (action: 'built' | 'to build') =>
    chosen.map(
      (image): BuiltImage => ({
        name: image.name,
        ref: image.ref,
        action: toBuild.includes(image) ? action : image.build ? 'kept' : image.pulled ? 'pulled by up' : 'yours',
      }),
    );
  if (context.flags.dryRun || toBuild.length === 0) return report('to build');
  return withLock(context, state, 'images build', async (_lock, record) => {
    record(toBuild.map((image) => image.ref));
    const docker = await context.docker();
    for (const image of toBuild)
      await shown(context.report, `build image ${image.ref}`, (task) =>
        buildImage(image, context, docker, (line) => task.detail(line), fresh),
      );
    return report('built');
  });
}
