import type { Capability } from '../capability/capability.ts';
import { bytes, plural } from '../core/plural.ts';
import { LABEL } from '../stack/labels.ts';
import { imagesBuild } from './commands/images.ts';
import { imagesLoad, imagesLock, imagesOutdated, imagesPrune, imagesSave, imagesSbom } from './commands/images-more.ts';
import { update } from './commands/update.ts';
import { imagesVerify } from './commands/verify.ts';

/** What containers are made of. */
export const images: Capability = {
  name: 'images',
  commands: [update, imagesBuild, imagesSave, imagesLoad, imagesLock, imagesSbom, imagesOutdated, imagesPrune, imagesVerify],
  up: {
    finished: async (run) => (await import('./pins.ts')).notePins(run),
  },
  checks: async (seen) => {
    const { leftOutChecks } = await import('./plan/left-out.ts');
    const { imageChecks } = await import('./plan/pins.ts');
    const { verifyImages } = await import('./pins.ts');
    return [...leftOutChecks(seen.manifest ?? {}), ...imageChecks(await verifyImages(seen))];
  },
  notes: async ({ manifest }) => {
    const { leftOutNotes } = await import('./plan/left-out.ts');
    return leftOutNotes(manifest ?? {});
  },
  groups: { images: { section: 'Change', summary: 'Build, save, load, compare and remove the images that containers are made of' } },
  data: {
    // They have no project: the same image serves every project of this host.
    remains: async ({ project, engine }) => {
      const { builtImages } = await import('./store/images.ts');
      const { refs, bytes: size } = builtImages(await engine.images());
      if (refs.length === 0) return [];
      const name = project.loaded.settings.project;
      const [volumes, { containers, networks }] = await Promise.all([engine.volumes(), engine.owned()]);
      const made = volumes.map(({ labels }) => ({ project: labels[LABEL.project], of: labels[LABEL.previewOf] }));
      const previews = made.flatMap(({ project: preview, of }) => (of === name ? [preview] : []));
      const all = [...made, ...containers, ...networks].map(({ project: owner }) => owner);
      const other = all.find((owner) => owner !== undefined && owner !== name && !previews.includes(owner));
      const what = `${plural(refs.length, 'image')} that medianest has built (${bytes(size)} at most)`;
      if (other) return [{ what, names: refs, steps: [], stays: `the project ${other} may need them: medianest images prune` }];
      return [
        {
          what,
          names: refs,
          shared: true,
          steps: [{ kind: 'remove-images', refs, cause: 'no other project of medianest is on this host' }],
        },
      ];
    },
  },
};
