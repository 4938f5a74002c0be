import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { foldersHere, foldersThere } from './plan/settings.ts';
import { parseWanted, type Wanted } from './plan/wanted.ts';
import type { Run } from './programs.ts';

export interface Places {
  /** The repository. */
  here: string;
  /** How far each copy has got: it lasts, and a newer version of this program reads it. */
  facts: string;
  /** Lists of what is here and there, which the next start makes again. */
  work: string;
}

/** A copy, and what it is sent with. */
export interface Copy {
  /** Also the name of its remote in rclone’s settings. */
  name: string;
  /** KeyVersions that sets may be in now: the names of their folders. */
  folders: readonly string[];
  places: Places;
  run: Run;
}

export const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Not `existsSync`: that takes what cannot be looked at for missing. @throws where it cannot be told */
export const isThere = (at: string): boolean => statSync(at, { throwIfNoEntry: false }) !== undefined;

export const isFolder = (at: string): boolean => statSync(at, { throwIfNoEntry: false })?.isDirectory() === true;

/** Whole or not at all: another process may read it at the same time. */
function replaceText(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `.${name}`), text);
  renameSync(path.join(folder, `.${name}`), path.join(folder, name));
}

export const hereAt = ({ places }: Pick<Copy, 'places'>, ...below: string[]): string => path.join(places.here, ...below);
export const factAt = ({ places, name }: Copy, fact: string): string => path.join(places.facts, name, fact);
export const workAt = ({ places, name }: Copy, file: string): string => path.join(places.work, name, file);

export const readFact = (copy: Copy, fact: string): string | undefined => readText(factAt(copy, fact));
export const noteFact = ({ places, name }: Copy, fact: string, value: string): void =>
  replaceText(path.join(places.facts, name), fact, value);

export const readWork = (copy: Copy, file: string): string | undefined => readText(workAt(copy, file));
export const writeWork = ({ places, name }: Copy, file: string, text: string): void =>
  replaceText(path.join(places.work, name), file, text);

/** Paths for a program to read, one a line. @returns where they are */
export function pathList(copy: Copy, file: string, paths: readonly string[]): string {
  writeWork(copy, file, paths.map((entry) => `${entry}\n`).join(''));
  return workAt(copy, file);
}

/** Whose repository is here; empty where nothing was ever backed up. */
export const ownIdentity = (copy: Pick<Copy, 'places'>): string => (readText(hereAt(copy, 'repository.id')) ?? '').trim();

/** What the copy is to hold; undefined where no set was made yet. */
export const readWanted = (copy: Copy): { text: string; wanted: Wanted } | undefined => {
  const text = readText(hereAt(copy, 'copies', copy.name));
  return text === undefined ? undefined : { text, wanted: parseWanted(text) };
};

export const generationsHere = (copy: Pick<Copy, 'places'>): string[] => foldersHere(readdirSync(copy.places.here));
export const generationsThere = (copy: Copy): string[] => foldersThere(copy.folders, readFact(copy, 'folders') ?? '');
