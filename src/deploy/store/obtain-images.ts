import type { Execution } from '../../capability/capability.ts';
import type { Engine, ImageInfo } from '../../docker/types.ts';
import type { ImageSpec } from '../../stack/types.ts';
import type { Candidate, ImageIds } from '../plan/deploy.ts';
import { processTag, type Release, type ReleaseImage, releaseTag } from '../plan/releases.ts';
import { exactImage, imageGone, keepImage, obtainImage, releaseImage } from './release-store.ts';

/** The image of a release, and those of its processes that have their own. */
export type Obtained = ImageInfo & { images: Record<string, ReleaseImage> };

interface Wanted {
  project: string;
  release: string;
  candidate: Candidate;
  /** The release to go back to: its very images. */
  target: Release | undefined;
  portal: ImageSpec;
  /** The registry is asked, also where the engine has an image of that name. */
  fresh: boolean;
}

/** Brings all images of a release, and names them so that they are not pruned. @throws UserError IMAGE_MISSING, before anything has changed */
export async function obtainImages({ project, release, candidate, target, portal, fresh }: Wanted, run: Execution): Promise<Obtained> {
  const { engine } = run;
  const image = target
    ? await releaseImage(project, target, portal, run)
    : await obtainImage(candidate.image, candidate.image === portal.ref ? portal : { name: 'app', ref: candidate.image }, fresh, run);
  const images: Obtained['images'] = {};
  for (const [name, ref] of Object.entries(candidate.images)) {
    const was = target?.images?.[name];
    const own = was
      ? await exactImage([processTag(project, target.id, name)], was, run)
      : await obtainImage(ref, { name, ref }, fresh, run);
    if (!own) throw imageGone(`${target?.id ?? release} of ${name}`, was ?? { image: ref, imageId: '' });
    images[name] = { image: was?.image ?? ref, imageId: own.id, digests: own.digests };
  }
  await keepImage(engine, releaseTag(project, release), image);
  for (const [name, { imageId, digests }] of Object.entries(images))
    await keepImage(engine, processTag(project, release, name), { id: imageId, digests });
  return { ...image, images };
}

/** What the names of a release's images stand for by now. */
export async function idsNow(engine: Engine, release: Release | undefined): Promise<ImageIds> {
  const names = release ? [release.image, ...Object.values(release.images ?? {}).map(({ image }) => image)] : [];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await engine.image(name))?.id] as const)));
}
