import { rmSync } from 'node:fs';
import { claim } from './claim.ts';
import {
  type Copy,
  factAt,
  generationsHere,
  generationsThere,
  noteFact,
  pathList,
  readFact,
  readWanted,
  readWork,
  workAt,
  writeWork,
} from './copy.ts';
import { walHere, walThere } from './listings.ts';
import { type Listing, lacking, listingText, parseListing, sharesWith } from './plan/listing.ts';
import { BEGUN_AGAIN } from './plan/ownership.ts';
import { ARCHIVE, neededWal, newestSegment, settled } from './plan/wal.ts';
import { must } from './programs.ts';
import { sendList } from './send-list.ts';

/** Sends WAL that is not in the copy yet. What is there is listed once, and again after anything has failed. */
export async function sendWal(copy: Copy): Promise<void> {
  const oldest = readWanted(copy)?.wanted.oldest;
  await claim(copy);
  noteFact(copy, 'folders', generationsThere(copy).join('\n'));
  const all = await walHere(copy);
  const needed = neededWal(all, oldest);
  try {
    const there = await knownWal(copy);
    if (!sharesWith(all, there)) throw new Error(BEGUN_AGAIN);
    await send(copy, lacking(there, needed));
  } catch (error) {
    rmSync(workAt(copy, 'there'), { force: true });
    throw error;
  }
  writeWork(copy, 'there', listingText(needed));
  // What says which archives there are comes after them.
  for (const folder of generationsHere(copy)) await sendList(copy, folder, ARCHIVE, 'archive.info');
  noteFact(copy, 'newest', newestSegment(needed));
}

async function knownWal(copy: Copy): Promise<Listing> {
  const known = readWork(copy, 'there');
  return known === undefined ? settled(await walThere(copy), readFact(copy, 'sending') ?? '') : parseListing(known);
}

async function send(copy: Copy, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  // Only what rclone has said was sent counts as sent: until then this is noted, also if this process is killed.
  noteFact(copy, 'sending', paths.join('\n'));
  const list = pathList(copy, 'send', paths);
  await must(copy.run, 'rclone', ['copy', '--ignore-times', '--files-from-raw', list, '--no-traverse', copy.places.here, `${copy.name}:`]);
  rmSync(factAt(copy, 'sending'));
}
