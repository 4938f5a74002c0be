import path from 'node:path';
import { UserError } from '../../core/errors.ts';
import { readOptional } from '../../core/files.ts';
import type { FoundLock, ImageLock, LockedImage, LockedPackage } from '../../stack/image-lock.ts';

const FILE = 'medianest.lock.json';

/** Beside medianest.yml. */
export const lockFile = (root: string): string => path.join(root, FILE);

/** The lock that builds are held to: the operator's own, or else that of the release where it has one. */
export const findLock = (root: string, home: string): FoundLock | undefined =>
  readLock(lockFile(root)) ?? readLock(path.join(home, 'templates', FILE));

/** @throws UserError where it is damaged, or of a newer medianest */
export function readLock(file: string): FoundLock | undefined {
  const text = readOptional(file);
  if (text === undefined) return undefined;
  const lock = parseLock(text);
  if (lock) return { file, lock };
  throw new UserError(
    'STATE_DAMAGED',
    `${file} is damaged, or of a newer medianest; nothing was changed`,
    'restore it, or move it aside and run `medianest images lock` again',
    { path: file },
  );
}

function parseLock(text: string): ImageLock | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !isRecord(value.images) || !(value.format === undefined || value.format === 2)) return undefined;
  const images: Record<string, LockedImage> = {};
  for (const [name, image] of Object.entries(value.images)) {
    if (!isRecord(image) || !isRecord(image.packages)) return undefined;
    const packages: Record<string, LockedPackage> = {};
    for (const [entry, known] of Object.entries(image.packages)) {
      // Before 0.5 a package had its version alone.
      const locked = typeof known === 'string' ? { version: known, architecture: '' } : known;
      if (!isPackage(entry, locked)) return undefined;
      packages[entry] = locked;
    }
    if (image.snapshot !== undefined && !isText(image.snapshot, /^\d{8}T\d{6}Z$/)) return undefined;
    images[name] = { ...image, packages } as unknown as LockedImage;
  }
  if (value.format === 2 && !isText(value.architecture, /^[a-z0-9-]+$/)) return undefined;
  return { ...value, images } as unknown as ImageLock;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value);

/** What of a lock ends up in apt's configuration has Debian's form, and no line break. */
const isPackage = (name: string, value: unknown): value is LockedPackage =>
  /^[a-z0-9][a-z0-9+.-]*$/.test(name) &&
  isRecord(value) &&
  isText(value.version, /^[A-Za-z0-9.+:~-]+$/) &&
  isText(value.architecture, /^[a-z0-9-]*$/) &&
  (value.suite === undefined || isText(value.suite, /^[a-z0-9-]+$/));
