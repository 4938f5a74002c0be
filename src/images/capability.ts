import type { Capability } from '../capability/capability.ts';
import { imagesBuild } from './commands/images.ts';
import { imagesLoad, imagesLock, imagesOutdated, imagesPrune, imagesSave } from './commands/images-more.ts';
import { update } from './commands/update.ts';

/** What containers are made of. */
export const images: Capability = {
  name: 'images',
  commands: [update, imagesBuild, imagesSave, imagesLoad, imagesLock, imagesOutdated, imagesPrune],
};
