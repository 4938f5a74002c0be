import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Copy, generationsHere, generationsThere, hereAt, isThere, pathList, readText } from './copy.ts';
import { labelFilesHere, labelFilesThere, listRemote, walHere, walThere } from './listings.ts';
import { arrivalOrder } from './plan/arrival.ts';
import { BACKUP } from './plan/labels.ts';
import { lacking, merged, sharesWith } from './plan/listing.ts';
import { fetchRefusal, IDENTITY } from './plan/ownership.ts';
import { ARCHIVE } from './plan/wal.ts';
import { must } from './programs.ts';
import { copySnapshots } from './restic.ts';
import { filesThere } from './send-sets.ts';

/** The repository here is another one than the copy’s: nothing was changed. */
export class OtherRepository extends Error {}

/** Fetched files, until all of them are here. */
const PART = 'fetch.part';
/** Says whose repository is being fetched, until that is here. */
const FETCHING = 'fetching';

/**
 * Brings all that a copy holds into the repository here. Nothing half is ever in its place: what comes is in `fetch.part` until
 * all of it is there. Killed at any moment, the same command resumes.
 * @throws OtherRepository
 */
export async function fetchCopy(copy: Copy, say: (line: string) => void): Promise<void> {
  const { name, run } = copy;
  const identity = await run('rclone', ['cat', `${name}:${IDENTITY}`]);
  const there = identity.stdout.trim();
  if (identity.status !== 0) say(identity.stderr.trim());
  if (identity.status !== 0 || there === '') throw new Error('no copy of a repository is there');
  const own = (readText(hereAt(copy, IDENTITY)) ?? readText(hereAt(copy, FETCHING)) ?? '').trim();
  const refusal = fetchRefusal(own, there);
  if (refusal !== undefined) throw new OtherRepository(refusal);
  const wal = await walThere(copy);
  if (isThere(hereAt(copy, IDENTITY))) {
    const known = await walHere(copy);
    if (known.size > 0 && !sharesWith(known, wal))
      throw new OtherRepository('the repository here is a new one and holds nothing of it: move it away');
  }
  if (own === '') {
    // No set was ever made in what is here: it is of a database that was just made.
    for (const entry of [...generationsHere(copy), 'files', 'copies', PART]) rmSync(hereAt(copy, entry), { recursive: true, force: true });
    writeFileSync(hereAt(copy, FETCHING), there);
  }
  say('WAL and sets of the database');
  const held = merged(await walHere(copy), await labelFilesHere(copy));
  const offered = merged(wal, await labelFilesThere(copy));
  await fetchFiles(copy, [...lacking(held, offered), ...(await listsToFetch(copy))]);
  say('sets of the files');
  await copySnapshots(run, filesThere(copy), hereAt(copy, 'files'));
  await writeIdentity(copy, there);
}

/** pgBackRest’s lists: those of here are newer. */
async function listsToFetch(copy: Copy): Promise<string[]> {
  const paths = [];
  for (const folder of generationsThere(copy))
    for (const below of [ARCHIVE, BACKUP]) {
      const names = await listRemote(copy.run, ['--files-only', '--include', '/*.info*', `${copy.name}:${folder}/${below}`]);
      paths.push(...names.split('\n').flatMap((file) => (file === '' ? [] : [`${folder}/${below}/${file}`])));
    }
  return paths.filter((file) => !statSync(hereAt(copy, file), { throwIfNoEntry: false })?.size);
}

async function fetchFiles(copy: Copy, paths: readonly string[]): Promise<void> {
  const part = hereAt(copy, PART);
  mkdirSync(part, { recursive: true });
  if (paths.length > 0) {
    const list = pathList(copy, 'fetch', paths);
    await must(copy.run, 'rclone', ['copy', '--files-from-raw', list, '--no-traverse', `${copy.name}:`, part]);
  }
  await must(copy.run, 'sync', ['--file-system', part]);
  for (const file of arrivalOrder(paths)) {
    mkdirSync(path.dirname(hereAt(copy, file)), { recursive: true });
    renameSync(path.join(part, file), hereAt(copy, file));
  }
  rmSync(part, { recursive: true, force: true });
}

/** From here on it is the repository of the copy. */
async function writeIdentity(copy: Copy, identity: string): Promise<void> {
  const file = hereAt(copy, IDENTITY);
  writeFileSync(`${file}.new`, identity);
  await must(copy.run, 'sync', ['--file-system', `${file}.new`]);
  renameSync(`${file}.new`, file);
  rmSync(hereAt(copy, FETCHING), { force: true });
}
