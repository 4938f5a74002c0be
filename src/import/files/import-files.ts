import { removeJobs } from '../../backup/repository/job.ts';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { refuseForeignVolumes } from '../../docker/volume.ts';
import { requireManifest } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { mountedVolumes, refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { volumeName } from '../../stack/labels.ts';
import { containersOf } from '../../stack/roles.ts';
import type { CopyPlan } from '../plan/copy-plan.ts';
import { fileSource } from '../plan/file-source.ts';
import { type FileTarget, fileTarget } from '../plan/file-target.ts';
import { copyFiles, planCopy } from './copy-files.ts';
import { mountSource } from './mount-source.ts';
import type { Site } from './site.ts';

export interface FilesAsked {
  /** From where to where, in this order. */
  pairs: readonly { from: string; to: string }[];
  /** Files of the source count where the target has others of the same path. */
  replace: boolean;
}

export interface FilesOutcome {
  result: 'planned' | 'imported';
  copied: { from: string; to: string; files: number; folders: number; links: number; bytes: number; left: string[]; replaced: number }[];
  seconds: number;
}

/** Copies files beside those of a volume, compares them, and merges them. The source is only read. @throws UserError whose words say what the target has */
export async function importFiles(context: Context, project: Project, { pairs, replace }: FilesAsked): Promise<FilesOutcome> {
  const started = Date.now();
  const { services } = requireManifest(project.state);
  const stack = await describe(context, project.loaded);
  const targets = pairs.map(({ to }) => fileTarget(stack, to));
  const words = `import files ${pairs.map(({ from, to }) => `${from} --to ${to}`).join(' ')}`;
  return withLock(context, project.state, words, async (_lock, record) => {
    const [engine, docker] = [await context.engine(), await context.docker()];
    await removeJobs({ project: stack.project, docker });
    const containers = await engine.observe(stack.project);
    refuseForeign(stack.project, containers, project.state.root);
    const image = (containersOf(containers, services, 'database')[0] ?? containersOf(containers, services, 'edge')[0])?.image;
    if (image === undefined)
      throw new UserError(
        'NOT_RUNNING',
        'neither database nor edge of this project is there, whose image has the programs; nothing was changed',
        'medianest up',
      );
    const volumes = targets.map(({ source }) => volumeName(stack.project, source));
    const there = (await engine.volumes()).map(({ name }) => name);
    const missing = volumes.find((name) => !there.includes(name));
    if (missing !== undefined)
      throw new UserError('NOT_RUNNING', `the volume ${missing} is not there yet; nothing was changed`, 'medianest up');
    const user = { kind: 'stack' as const, project: stack.project, mounted: mountedVolumes(stack.project, containers) };
    await refuseForeignVolumes(engine, volumes, user);
    const sites: Site[] = [];
    for (const [index, { from }] of pairs.entries()) {
      const { args, within } = await mountSource(context, engine, docker, fileSource(from), volumes);
      const target = targets[index] as FileTarget;
      const volume = volumes[index] as string;
      const { signal, report } = context;
      sites.push({ docker, signal, project: stack.project, image, source: args, within, volume, target, report });
    }
    // All that can be refused is refused before anything is copied.
    const plans: CopyPlan[] = [];
    for (const [index, site] of sites.entries()) plans.push(await planCopy(site, pairs[index]?.from ?? '', replace));
    const copied = plans.map(({ files, folders, links, bytes: size, left, conflicts }, index) => ({
      ...(pairs[index] as { from: string; to: string }),
      ...{ files: files.length, folders: folders.length, links: links.length, bytes: size, left, replaced: conflicts.length },
    }));
    if (context.flags.dryRun) return { result: 'planned', copied, seconds: 0 };
    record([words, replace]);
    for (const [index, site] of sites.entries()) {
      const plan = plans[index] as CopyPlan;
      for (const line of plan.left) context.report.warn(`not copied: ${line}`);
      await copyFiles(site, plan, replace);
    }
    return { result: 'imported', copied, seconds: (Date.now() - started) / 1000 };
  });
}
