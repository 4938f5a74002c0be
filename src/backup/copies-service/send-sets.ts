import { claim } from './claim.ts';
import { type Copy, generationsHere, hereAt, isFolder, noteFact, pathList, readFact, readWanted, workAt } from './copy.ts';
import { labelsHere, labelsThere, walThere } from './listings.ts';
import { locked } from './lock.ts';
import { measure } from './measure.ts';
import { BACKUP, LABEL_PARTS, labelFolder, surplusLabels } from './plan/labels.ts';
import { BEGUN_AGAIN } from './plan/ownership.ts';
import { surplusSnapshots } from './plan/snapshots.ts';
import { obsoleteWal } from './plan/wal.ts';
import type { Wanted } from './plan/wanted.ts';
import { must } from './programs.ts';
import { copySnapshots, restic } from './restic.ts';
import { sendList } from './send-list.ts';
import { sendWal } from './send-wal.ts';

/** restic’s part of a copy. */
export const filesThere = ({ name }: Copy): string => `rclone:${name}:files`;

/** Sends the sets that a copy is to hold, and then removes from it what it is not to hold any more. */
export async function sendSets(copy: Copy, now: () => Date): Promise<void> {
  const order = readWanted(copy);
  if (!order || order.text === readFact(copy, 'done')) return;
  await claim(copy);
  const before = await labelsThere(copy);
  const own = new Set(await labelsHere(copy));
  if (before.length > 0 && !before.some((label) => own.has(label))) throw new Error(BEGUN_AGAIN);
  await sendAll(copy, order.wanted);
  // From here on what is not wanted is not listed there either.
  await removeSurplus(copy, order.wanted, before);
  noteFact(copy, 'labels', (await labelsThere(copy)).map((label) => `${label} `).join(''));
  noteFact(copy, 'done', order.text);
  await measure(copy, now());
}

/** A set is listed there once all that it is restored from is there: the WAL that it ends with too. */
async function sendAll(copy: Copy, wanted: Wanted): Promise<void> {
  const { name, run } = copy;
  for (const folder of wanted.labels.map(labelFolder)) {
    // A copy may hold what is not here any more.
    if (!isFolder(hereAt(copy, folder))) continue;
    for (const part of LABEL_PARTS) await must(run, 'rclone', ['copy', ...part, hereAt(copy, folder), `${name}:${folder}`]);
  }
  for (const folder of generationsHere(copy)) await sendList(copy, folder, BACKUP, 'backup.info');
  await locked(workAt(copy, 'wal.lock'), undefined, () => sendWal(copy));
  await copySnapshots(run, hereAt(copy, 'files'), filesThere(copy), wanted.sets);
}

async function removeSurplus(copy: Copy, wanted: Wanted, labels: readonly string[]): Promise<void> {
  const { name, run } = copy;
  for (const label of surplusLabels(labels, wanted.labels)) await must(run, 'rclone', ['purge', `${name}:${labelFolder(label)}`]);
  const old = obsoleteWal(await walThere(copy), wanted.oldest);
  if (old.length > 0) await must(run, 'rclone', ['delete', '--files-from-raw', pathList(copy, 'old', old), `${name}:`]);
  const { stdout } = await restic(run, filesThere(copy), 'snapshots', '--json', '--tag', 'set');
  const ids = surplusSnapshots(stdout, wanted.sets);
  if (ids.length > 0) await restic(run, filesThere(copy), 'forget', '--quiet', '--prune', ...ids);
}
