import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional, writeAtomic } from '../core/files.ts';
import { prepare } from '../reconcile/prepare.ts';
import { type ImageLock, type LockedImage, lockChanges } from './store/images.ts';

const FILE = 'medianest.lock.json';

export interface LockOutcome {
  file: string;
  lock: ImageLock;
  /** Against what was locked before; undefined where nothing was. */
  changes: string[] | undefined;
}

/** What each image of the stack is, by id and packages; written beside medianest.yml unless it is only compared. */
export async function lockImages(context: Context, { loaded }: Project, check: boolean): Promise<LockOutcome> {
  const file = path.join(loaded.root, FILE);
  const engine = await context.engine();
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const used = new Map(stack.services.map(({ image }) => [image.name, image.ref]));
  const missing = await engine.missingImages([...used.values()]);
  if (missing.length > 0)
    throw new UserError(
      'IMAGE_MISSING',
      `the engine does not have ${missing.join(', ')}; nothing was written`,
      'medianest images build, or medianest images load FILE',
    );
  const images: Record<string, LockedImage> = {};
  for (const [name, ref] of [...used].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const task = context.report.task(`read the packages of ${ref}`);
    images[name] = { ref, id: (await engine.image(ref))?.id ?? '', packages: await packagesOf(ref, context) };
    task.done();
  }
  const lock = { medianest: context.version, profile: loaded.profile, images };
  const before = readLock(file);
  if (check && !before) throw new UserError('USAGE', `there is no ${file} to compare with`, 'medianest images lock writes it');
  if (!check && !context.flags.dryRun) writeAtomic(file, `${JSON.stringify(lock, null, 1)}\n`, 0o644, null);
  return { file, lock, changes: before && lockChanges(before, lock) };
}

function readLock(file: string): ImageLock | undefined {
  const text = readOptional(file);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as ImageLock;
    if (typeof value.images === 'object') return value;
  } catch {
    // Told below.
  }
  throw new UserError(
    'STATE_DAMAGED',
    `${file} is damaged; nothing was changed`,
    'restore it, or move it aside and run `medianest images lock` again',
    { path: file },
  );
}

/** Debian's packages of an image, without a network; none where it has no dpkg. */
async function packagesOf(ref: string, context: Context): Promise<Record<string, string>> {
  const docker = await context.docker();
  const args = [
    'run',
    '--rm',
    '--network',
    'none',
    '--pull',
    'never',
    '--entrypoint',
    'dpkg-query',
    ref,
    '--show',
    '--showformat',
    '${Package} ${Version}\\n',
  ];
  const { exitCode, stdout } = await docker.run(args, { signal: context.signal });
  if (exitCode !== 0) return {};
  return Object.fromEntries(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ') as [string, string]),
  );
}
