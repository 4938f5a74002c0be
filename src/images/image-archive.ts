import { renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import type { Engine } from '../docker/types.ts';
import { prepare } from '../reconcile/prepare.ts';
import type { Stack } from '../stack/types.ts';
import { canDoWithout, neededRefs } from './store/images.ts';

export interface SaveOutcome {
  file: string;
  images: string[];
  bytes: number;
}

/** Every image that the stack runs, in one file for `images load` (or `docker load`) on a host without a network. */
export async function saveImages(context: Context, { loaded }: Project, out: string): Promise<SaveOutcome> {
  const file = path.resolve(context.cwd, out);
  if (exists(file))
    throw new UserError('ALREADY_THERE', `${file} is there already, and is not overwritten`, 'choose another name with --out');
  const engine = await context.engine();
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const { images, missing, optional } = await presentRefs(stack, engine);
  for (const ref of optional) context.report.warn(`${ref} is not here, and is left out of ${file}: docker pull ${ref}`);
  if (missing.length > 0)
    throw new UserError(
      'IMAGE_MISSING',
      `the engine does not have ${missing.join(', ')}; nothing was written`,
      'medianest images build builds them, docker pull brings those of others',
    );
  if (context.flags.dryRun) return { file, images, bytes: 0 };
  const docker = await context.docker();
  const partial = `${file}.${process.pid}.part`;
  const task = context.report.task(`save ${images.length} images to ${file}`);
  try {
    const { exitCode, tail } = await docker.run(['save', '--output', partial, ...images], { signal: context.signal });
    if (exitCode !== 0) throw writeFailure(file, tail);
    renameSync(partial, file);
    task.done();
  } catch (error) {
    task.failed();
    rmSync(partial, { force: true });
    throw error;
  }
  return { file, images, bytes: statSync(file).size };
}

/** What can be saved; of what the engine lacks, what no service is left out for, and what some are. */
async function presentRefs(stack: Stack, engine: Engine): Promise<{ images: string[]; missing: string[]; optional: string[] }> {
  const absent = await engine.missingImages(neededRefs(stack));
  const optional = absent.filter((ref) => canDoWithout(stack, ref));
  return {
    images: neededRefs(stack).filter((ref) => !optional.includes(ref)),
    missing: absent.filter((ref) => !optional.includes(ref)),
    optional,
  };
}

function writeFailure(file: string, tail: readonly string[]): UserError {
  const said = tail.at(-1) ?? 'no answer';
  if (/no space left|quota/i.test(said))
    return new UserError(
      'DISK_FULL',
      `${file} cannot be written: the disk is full; what was begun is removed`,
      'free some space, or choose another disk with --out',
    );
  return new UserError('STATE_UNWRITABLE', `${file} cannot be written: ${said}`, 'choose a folder that you may write to with --out');
}

export interface LoadOutcome {
  loaded: string[];
  /** Those of the profile that are still not there. */
  missing: string[];
}

/** Brings the images of an archive to this engine, and says what the profile still lacks. */
export async function loadImages(context: Context, { loaded }: Project, archive: string): Promise<LoadOutcome> {
  const file = path.resolve(context.cwd, archive);
  if (!exists(file)) throw new UserError('USAGE', `there is no ${file}`, 'medianest images save writes it on a host that has the images');
  const engine = await context.engine();
  const { stack } = await prepare(context, loaded, { unchecked: true });
  if (context.flags.dryRun) return { loaded: [], missing: await engine.missingImages(neededRefs(stack)) };
  const docker = await context.docker();
  const task = context.report.task(`load images from ${file}`);
  const { exitCode, stdout, tail } = await docker.run(['load', '--input', file], {
    signal: context.signal,
    onLine: (line) => task.detail(line),
  });
  if (exitCode !== 0) {
    task.failed();
    throw loadFailure(file, tail);
  }
  task.done();
  const names = [...stdout.matchAll(/^Loaded image(?: ID)?: (.+)$/gm)].map((match) => (match[1] as string).trim());
  return { loaded: names, missing: await engine.missingImages(neededRefs(stack)) };
}

function loadFailure(file: string, tail: readonly string[]): UserError {
  const said = tail.filter((line) => line.trim()).at(-1) ?? 'no answer';
  if (/no space left|quota/i.test(said))
    return new UserError(
      'DISK_FULL',
      `the images of ${file} do not fit on the engine’s disk`,
      'free some space: docker system df shows what takes it',
    );
  return new UserError(
    'ARCHIVE_DAMAGED',
    `${file} is no whole archive of images (${said}); no image of it was given its name`,
    'copy it again (compare sha256sum on both sides), or save it again: medianest images save',
  );
}
