import type { Check } from '../../capability/check.ts';
import { shortHash } from '../../core/hash.ts';

/** An image as it was when `up` last started containers of it. */
export interface Pin {
  /** The engine’s number for it: the digest of its configuration, which names its layers. */
  id: string;
  /** Hash of the digests of its layers. */
  layers: string;
  /** Since when it is this one; ISO 8601. */
  at: string;
}

/** Name of an image, as containers are started from it -> what stood behind it. */
export type Pins = Readonly<Record<string, Pin>>;

/** What stands behind a name now. */
export interface FoundImage {
  id: string;
  layers: readonly string[];
}

/** A container and the name that it was rendered with. */
export interface Started {
  service: string;
  ref: string;
  /** The image that it was made of; undefined where there is no container. */
  imageId: string | undefined;
}

export interface ImageFinding {
  ref: string;
  services: string[];
  /**
   * `replaced`: a container runs another image. `renamed`: the name stands for another image, which the next container would get.
   * `damaged`: the image has its number, and other layers. `gone`: the engine has none of that name. `unknown`: `up` has not recorded it.
   */
  status: 'ok' | 'replaced' | 'renamed' | 'damaged' | 'gone' | 'unknown';
  message: string;
}

const layersOf = ({ layers }: FoundImage): string => shortHash([...layers]);

/** What `up` records once all is well: images of these names, since when they are these. */
export const pinned = (before: Pins, found: Readonly<Record<string, FoundImage | undefined>>, at: Date): Pins =>
  Object.fromEntries(
    Object.entries(found).flatMap(([ref, image]) => {
      if (!image) return [];
      const known = before[ref];
      const since = known?.id === image.id ? known.at : at.toISOString();
      return [[ref, { id: image.id, layers: layersOf(image), at: since }]];
    }),
  );

/** Without images that a container of that name is not made of: where nothing was to do, `up` has started none of the image that the name stands for now. */
export const asStarted = (
  found: Readonly<Record<string, FoundImage | undefined>>,
  started: readonly Started[],
): Record<string, FoundImage | undefined> =>
  Object.fromEntries(
    Object.entries(found).filter(([of, image]) =>
      started.every(({ ref, imageId }) => ref !== of || imageId === undefined || imageId === image?.id),
    ),
  );

/** Names that stand for another image than they did: it was built, pulled or named again. */
export const movedPins = (before: Pins, now: Pins): string[] =>
  Object.entries(now).flatMap(([ref, { id }]) => {
    const known = before[ref];
    return known && known.id !== id ? [ref] : [];
  });

const short = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

/** Each image that containers are started from, beside what `up` has recorded. */
export function imageFindings(
  pins: Pins,
  started: readonly Started[],
  found: Readonly<Record<string, FoundImage | undefined>>,
): ImageFinding[] {
  return [...new Set(started.map(({ ref }) => ref))].sort().map((ref) => {
    const own = started.filter((entry) => entry.ref === ref);
    const finding = (status: ImageFinding['status'], message: string, services = own.map(({ service }) => service)) => ({
      ref,
      services,
      status,
      message,
    });
    const [pin, image] = [pins[ref], found[ref]];
    if (!pin) return finding('unknown', `${ref} is not recorded yet`);
    const since = `since ${pin.at}`;
    const others = own.filter(({ imageId }) => imageId !== undefined && imageId !== pin.id);
    if (others.length > 0) {
      const names = others.map(({ service }) => service);
      return finding(
        'replaced',
        `${names.join(', ')}: made of the image ${short(others[0]?.imageId ?? '')}, and \`up\` has started ${short(pin.id)} (${ref}, ${since})`,
        names,
      );
    }
    if (!image) return finding('gone', `the engine has no image of the name ${ref} any more; what runs keeps it`);
    if (image.id !== pin.id)
      return finding(
        'renamed',
        `${ref} stands for ${short(image.id)} now, and ${since} for ${short(pin.id)}: a new container would get it`,
      );
    if (layersOf(image) !== pin.layers) return finding('damaged', `${ref} (${short(pin.id)}) has other layers than ${since}`);
    return finding('ok', `${ref} is ${short(pin.id)}, ${since}`);
  });
}

const BAD: readonly ImageFinding['status'][] = ['replaced', 'damaged'];

/** For `health`: one check for all images; none where nothing was recorded. */
export function imageChecks(findings: readonly ImageFinding[]): Check[] {
  const id = 'images';
  const bad = findings.filter(({ status }) => BAD.includes(status));
  const renamed = findings.filter(({ status }) => status === 'renamed');
  if (bad.length > 0)
    return [
      {
        id,
        status: 'fail',
        message: bad.map(({ message }) => message).join('; '),
        remedy: 'find out who did that (medianest images verify, docker events); medianest up starts what the settings say',
        value: bad.length,
      },
    ];
  if (renamed.length > 0)
    return [
      {
        id,
        status: 'warn',
        message: renamed.map(({ message }) => message).join('; '),
        remedy: 'if another project of this host has built it, medianest up takes it; otherwise docker image rm NAME, then medianest up',
        value: renamed.length,
      },
    ];
  const ok = findings.filter(({ status }) => status === 'ok').length;
  return ok === 0 ? [] : [{ id, status: 'ok', message: `${ok} images are those that \`up\` has started`, value: ok }];
}
