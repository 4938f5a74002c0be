import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { systemCode } from '../../core/errors.ts';
import { lstatOptional } from '../../core/files.ts';
import { releaseTag } from '../../deploy/plan/releases.ts';
import { readReleases } from '../../deploy/store/release-store.ts';
import { tools } from '../../images/all-images.ts';
import { ourImages, usedIds } from '../../images/image-prune.ts';
import { type NamedImage, prunable } from '../../images/store/images.ts';
import { findLock } from '../../images/store/lock-file.ts';
import { composeServices } from '../../reconcile/plan/change.ts';
import { prepare } from '../../reconcile/prepare.ts';
import { LABEL } from '../../stack/labels.ts';
import { COMPOSE_FILE } from '../../stack/render.ts';
import { isRunning } from '../../state/lock.ts';
import { builderOf, type Disk, type Dispensable, pastReleases, writerOf } from '../plan/disk.ts';

/** What could go, what is least missed first; and why something stays that nothing of this project needs. */
export interface Found {
  dispensable: Dispensable[];
  stays: string[];
}

/**
 * What of medianest's own nothing needs, on these disks. Never a volume, never what is not ours.
 * @param project whose settings, releases and lock say what is needed
 */
export async function dispensableOn(context: Context, project: Project, disks: readonly Disk[]): Promise<Found> {
  const on = (id: Disk['id']) => disks.some((disk) => disk.id === id);
  const images = on('engine') ? await dispensableImages(context, project) : { dispensable: [], stays: [] };
  return {
    dispensable: [...(on('state') ? leftovers(project.state.root, context.clock.now().getTime()) : []), ...images.dispensable],
    stays: images.stays,
  };
}

async function dispensableImages(context: Context, project: Project): Promise<Found> {
  const { loaded, state } = project;
  const { stack, tool } = await prepare(context, loaded, { unchecked: true });
  // The engine lists the newest first.
  const all = (await ourImages(context)).reverse();
  const engine = await context.engine();
  const tagged = (await engine.images()).flatMap(({ id, refs }) => refs.map((ref) => ({ ref, id })));
  const past = pastReleases(tagged, readReleases(state), releaseTag(stack.project, ''), stack.overrides.app?.release);
  const gone = new Set(past.map(({ ref }) => ref));
  const wanted = new Set([...tools(tool).map(({ ref }) => ref), ...renderedImages(project)]);
  const locked = new Set(Object.values(findLock(loaded.root, context.home)?.lock.images ?? {}).map(({ id }) => id));
  const unused = prunable(
    all.filter(({ ref }) => !gone.has(ref)),
    await usedIds(context),
    stack,
  ).filter(({ ref, id }) => !wanted.has(ref) && !locked.has(id) && !beingBuilt(ref));
  const releases = past.map(
    ({ ref }): Dispensable => ({ kind: 'release', name: ref, on: 'engine', why: 'no rollback can ask for this release any more' }),
  );
  const other = unused.length > 0 ? await otherProject(context, project) : undefined;
  if (other !== undefined)
    return {
      dispensable: releases,
      stays: [`${namesOf(unused)} stay: the project ${other} on this host may need them (medianest images prune)`],
    };
  return { dispensable: [...releases, ...unused.map(unusedImage)], stays: [] };
}

const unusedImage = ({ ref }: NamedImage): Dispensable => ({
  kind: 'image',
  name: ref,
  on: 'engine',
  why: 'no container, release or lock needs this image',
});

const namesOf = (images: readonly NamedImage[]): string => images.map(({ ref }) => ref).join(', ');

/** What the files that were rendered last start containers from: settings may have changed since. */
function renderedImages({ state }: Project): string[] {
  const compose = state.manifest()?.files.find((file) => file.path === COMPOSE_FILE)?.contents;
  return Object.values(composeServices(compose)).flatMap(({ image }) => (typeof image === 'string' ? [image] : []));
}

const beingBuilt = (ref: string): boolean => {
  const pid = builderOf(ref);
  return pid !== undefined && isRunning(pid);
};

/** Images have no project: another one that is stopped has no container that would tell what it needs. */
async function otherProject(context: Context, { loaded }: Project): Promise<string | undefined> {
  const own = loaded.settings.project;
  const engine = await context.engine();
  const [volumes, { containers, networks }] = await Promise.all([engine.volumes(), engine.owned()]);
  const made = volumes.map(({ labels }) => ({ project: labels[LABEL.project], of: labels[LABEL.previewOf] }));
  const previews = made.flatMap(({ project, of }) => (of === own ? [project] : []));
  return [...made, ...containers, ...networks]
    .map(({ project }) => project)
    .find((project) => project !== undefined && project !== own && !previews.includes(project));
}

/** A write takes no such time: what is older was left behind, also where the folder is shared with another host. */
const LEFT_MS = 3_600_000;

/** What killed writes have left in the state folder. A folder that cannot be read has none that are known. */
function leftovers(folder: string, now: number): Dispensable[] {
  return entriesOf(folder).flatMap((entry): Dispensable[] => {
    const file = path.join(folder, entry.name);
    const pid = writerOf(entry.name);
    if (pid === undefined) return entry.isDirectory() ? leftovers(file, now) : [];
    const changed = lstatOptional(file)?.mtimeMs ?? now;
    if (isRunning(pid) || now - changed < LEFT_MS) return [];
    return [{ kind: 'leftover', name: file, on: 'state', why: 'a killed command has left it unfinished' }];
  });
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}
