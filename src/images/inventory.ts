import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/plural.ts';
import { shown } from '../core/reporter.ts';
import type { ImageSpec } from '../stack/types.ts';
import { allSources, type Offers, parseOffers, READ_OFFERS } from './plan/newer.ts';
import { imageContents } from './store/image-contents.ts';
import type { ImageContents } from './store/plan/image-contents.ts';

/** Containers at a time: each takes most of a second of one core. */
const AT_ONCE = 4;

export type Inventory = readonly (readonly [image: ImageSpec, contents: ImageContents])[];

/** What is in each of these images; a name of two images is read twice. */
export async function inventory(context: Context, images: readonly ImageSpec[]): Promise<Inventory> {
  const docker = await context.docker();
  const found: [ImageSpec, ImageContents][] = [];
  await shown(context.report, `read the packages of ${plural(images.length, 'image')}`, async (task) => {
    const left = [...images];
    const worker = async () => {
      for (let image = left.shift(); image; image = left.shift()) {
        task.detail(image.ref);
        found.push([image, await imageContents(image.ref, docker, context.signal)]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  });
  return images.flatMap((image) => found.filter(([other]) => other === image));
}

/** What the mirror has of all packages of these images: its lists are read once, in one of them. @throws UserError where it does not answer */
export async function offersFor(context: Context, images: Inventory): Promise<Offers> {
  const [reader] = images.find(([, { sources, packages }]) => 'apt' in packages && Object.keys(sources).length > 0) ?? [];
  if (!reader) return { architecture: '', packages: {} };
  const docker = await context.docker();
  const contents = images.map(([, content]) => content);
  const names = [...new Set(contents.flatMap(({ packages }) => Object.keys(packages)))].sort();
  const sources = allSources(contents).flatMap(({ kind, text }) => [kind, text]);
  const args = ['run', '--rm', '--pull', 'never', '--user', '0:0', '--entrypoint', 'sh', '--tmpfs', '/tmp', reader.ref, '-c', READ_OFFERS];
  return shown(context.report, 'read the package lists of the mirror', async () => {
    const options = { signal: context.signal, proxies: true };
    const { exitCode, stdout, tail } = await docker.run([...args, 'sh', names.join(' '), ...sources], options);
    if (exitCode === 0) return parseOffers(stdout);
    throw new UserError(
      'BUILD_FAILED',
      `the package lists of ${reader.ref} cannot be read: ${told(tail)}; nothing was changed`,
      'check that containers reach the package mirror (network, DNS, proxy)',
    );
  });
}

/** The last of what was said, without Docker's advice to read its help. */
const told = (tail: readonly string[]): string =>
  tail
    .filter((line) => line.trim() !== '' && !line.includes('--help'))
    .slice(-2)
    .join(' | ');
