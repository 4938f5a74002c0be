import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { withLock } from '../project/with-lock.ts';
import { prepare } from '../reconcile/prepare.ts';
import { type NamedImage, prunable } from './store/images.ts';

/** Removes images of ours that nothing uses any more; on a dry run it only names them. */
export async function pruneImages(context: Context, { loaded, state }: Project): Promise<NamedImage[]> {
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const unused = prunable(await ourImages(context), await usedIds(context), stack);
  if (context.flags.dryRun || unused.length === 0) return unused;
  return withLock(context, state, 'images prune', async (_lock, record) => {
    record(unused);
    const docker = await context.docker();
    const removed: NamedImage[] = [];
    for (const image of unused) {
      // Without --force: an image that came into use meanwhile stays.
      const { exitCode, tail } = await docker.run(['image', 'rm', image.ref]);
      if (exitCode === 0) removed.push(image);
      else context.report.warn(`${image.ref} stays: ${tail.at(-1) ?? 'no answer'}`);
    }
    return removed;
  });
}

/** Every name of an image of ours, of whatever project; the newest first. */
export async function ourImages(context: Context): Promise<NamedImage[]> {
  const docker = await context.docker();
  const { stdout } = await docker.run([
    'image',
    'ls',
    '--no-trunc',
    '--filter',
    'label=io.medianest.image',
    '--format',
    '{{.Repository}}:{{.Tag}} {{.ID}}',
  ]);
  return stdout.split('\n').flatMap((line) => {
    const [ref, id] = line.split(' ');
    return ref && id ? [{ ref, id }] : [];
  });
}

/** Ids of the images that containers are made from, running or not. @throws UserError ENGINE_FAILED where that cannot be told */
export async function usedIds(context: Context): Promise<Set<string>> {
  const docker = await context.docker();
  const { exitCode, stdout, tail } = await docker.run(['ps', '--all', '--quiet', '--no-trunc']);
  if (exitCode !== 0) throw unknownUse(tail);
  const containers = stdout.split('\n').filter(Boolean);
  if (containers.length === 0) return new Set();
  // stderr reports one that was removed meanwhile; the others are listed all the same.
  const inspected = await docker.run(['inspect', '--type', 'container', '--format', '{{.Image}}', ...containers]);
  const ids = inspected.stdout.split('\n').filter((line) => line.startsWith('sha256:'));
  if (inspected.exitCode !== 0 && ids.length === 0) throw unknownUse(inspected.tail);
  return new Set(ids);
}

const unknownUse = (tail: readonly string[]): UserError =>
  new UserError(
    'ENGINE_FAILED',
    `which images containers use cannot be told: ${tail.at(-1) ?? 'no answer'}; nothing was removed`,
    'docker ps --all; then the same command again',
  );
