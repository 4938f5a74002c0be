import { type Command, done } from '../../capability/capability.ts';

export const imagesBuild: Command = {
  name: 'images build',
  summary: 'Build the images that the profile needs and the engine does not have',
  example: 'medianest images build --profile dev',
  args: '[images...]',
  options: [['--no-cache', 'Build again from nothing, with the newest packages']],
  run: async (context, args, options) => {
    const { open } = await import('../../project/open.ts');
    const { buildImages } = await import('../build-images.ts');
    const { table } = await import('../../ui/table.ts');
    const images = await buildImages(context, await open(context), args, options.cache === false);
    return done({ images }, table(images.map((image) => [image.name, image.ref, image.action])));
  },
};
