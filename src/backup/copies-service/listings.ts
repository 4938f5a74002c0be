import { type Copy, generationsHere, generationsThere, hereAt, isFolder } from './copy.ts';
import { BACKUP, labelsIn } from './plan/labels.ts';
import { filtered, type Listing, merged, parseListing } from './plan/listing.ts';
import { ARCHIVE, withoutList } from './plan/wal.ts';
import { must, ProgramFailed, type Run } from './programs.ts';

/** rclone’s exit status where the folder is not there yet. */
const NO_FOLDER = 3;
const SIZES = ['--recursive', '--files-only', '--format', 'sp', '--separator', ' '];

/** What `rclone lsf` prints; nothing where the folder is not there. @throws ProgramFailed */
export async function listRemote(run: Run, args: readonly string[]): Promise<string> {
  const ran = await run('rclone', ['lsf', ...args]);
  if (ran.status === 0) return ran.stdout;
  if (ran.status === NO_FOLDER) return '';
  throw new ProgramFailed(ran);
}

async function findHere(copy: Copy, below: string, tests: readonly string[]): Promise<Listing> {
  const found = [];
  for (const folder of generationsHere(copy)) {
    const root = `${folder}/${below}`;
    if (!isFolder(hereAt(copy, root))) continue;
    // Files come and go while it looks.
    const { stdout } = await must(copy.run, 'find', [hereAt(copy, root), '-ignore_readdir_race', ...tests, '-printf', '%s %P\n']);
    found.push(parseListing(stdout, root));
  }
  return merged(...found);
}

async function listThere(copy: Copy, below: string): Promise<Listing> {
  const found = [];
  for (const folder of generationsThere(copy)) {
    const root = `${folder}/${below}`;
    found.push(parseListing(await listRemote(copy.run, [...SIZES, `${copy.name}:${root}`]), root));
  }
  return merged(...found);
}

const WAL_FILES = ['-mindepth', '2', '-type', 'f', '!', '-name', '*.tmp'];
export const walHere = (copy: Copy): Promise<Listing> => findHere(copy, ARCHIVE, WAL_FILES);
export const walThere = async (copy: Copy): Promise<Listing> => withoutList(await listThere(copy, ARCHIVE));

/** Whether there is any, without a list of it. */
export async function hasWal(copy: Copy): Promise<boolean> {
  for (const folder of generationsHere(copy)) {
    const root = hereAt(copy, folder, ARCHIVE);
    if (!isFolder(root)) continue;
    const { stdout } = await must(copy.run, 'find', [root, '-ignore_readdir_race', ...WAL_FILES, '-print', '-quit']);
    if (stdout !== '') return true;
  }
  return false;
}

/** What labels are made of. */
export const labelFilesHere = (copy: Copy): Promise<Listing> => findHere(copy, BACKUP, ['-mindepth', '2', '-type', 'f']);
/** Without pgBackRest’s list, which lies beside the labels. */
export const labelFilesThere = async (copy: Copy): Promise<Listing> =>
  filtered(await listThere(copy, BACKUP), (path) => /^[^/]+\/backup\/medianest\/[^/]+\//.test(path));

/** Names beside the labels too, which no copy has. */
export async function labelsHere(copy: Copy): Promise<string[]> {
  const found = await findHere(copy, BACKUP, ['-mindepth', '1', '-maxdepth', '1']);
  return [...found.keys()].map((path) => path.replace(`/${BACKUP}/`, '/'));
}

export async function labelsThere(copy: Copy): Promise<string[]> {
  const found = [];
  for (const folder of generationsThere(copy))
    found.push(...labelsIn(folder, await listRemote(copy.run, ['--dirs-only', '--dir-slash=false', `${copy.name}:${folder}/${BACKUP}`])));
  return found.sort();
}
