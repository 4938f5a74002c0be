import { rmSync } from 'node:fs';
import { claim } from './claim.ts';
import { type Copy, generationsHere, hereAt, isFolder, isThere, readFact, readWork, workAt } from './copy.ts';
import { labelsThere, walHere } from './listings.ts';
import { locked } from './lock.ts';
import { failure, firstDifference } from './plan/explain.ts';
import { labelFolder } from './plan/labels.ts';
import { parseListing } from './plan/listing.ts';
import { ARCHIVE, comparedWal, neededWal } from './plan/wal.ts';
import { parseWanted } from './plan/wanted.ts';
import { restic } from './restic.ts';
import { filesThere } from './send-sets.ts';

/** A first copy may take days, and a verification that waits for it keeps backups waiting. */
const WAIT_SECONDS = 60;

/** Compares what a copy holds with what is here. @returns a problem a line */
export async function checkCopy(copy: Copy, waitSeconds = WAIT_SECONDS): Promise<string[]> {
  const problems: string[] = [];
  const compared = await locked(workAt(copy, 'sets.lock'), waitSeconds, () =>
    compare(copy, (problem) => problems.push(problem)).catch((error: Error) => problems.push(error.message)),
  );
  return compared ? problems : ['sets are still being sent to it, so it was not compared'];
}

type Tell = (problem: string) => void;

async function compare(copy: Copy, tell: Tell): Promise<void> {
  await claim(copy);
  const wanted = parseWanted(readFact(copy, 'done') ?? '');
  await compareLabels(copy, wanted.labels, tell);
  await compareWal(copy, wanted.oldest, tell);
  await restic(copy.run, filesThere(copy), 'check', '--quiet').catch((error: Error) => tell(`the files’ part: ${error.message}`));
}

async function compareLabels(copy: Copy, labels: readonly string[], tell: Tell): Promise<void> {
  const there = await labelsThere(copy);
  for (const label of labels) {
    const folder = labelFolder(label);
    if (!there.includes(label)) tell(`the database’s part ${label} is not there`);
    else if (isFolder(hereAt(copy, folder))) {
      const { status, stderr } = await copy.run('rclone', [
        'check',
        '--fast-list',
        '--one-way',
        hereAt(copy, folder),
        `${copy.name}:${folder}`,
      ]);
      if (status !== 0) tell(`the database’s part ${label}: ${firstDifference(stderr)}`);
    }
  }
}

async function compareWal(copy: Copy, oldest: string | undefined, tell: Tell): Promise<void> {
  // What was sent: WAL that is newer goes there meanwhile.
  const sent = comparedWal(neededWal(await walHere(copy), oldest), parseListing(readWork(copy, 'there') ?? ''));
  for (const folder of generationsHere(copy)) {
    const reports = ['differ', 'missing-on-dst', 'error'].map((kind) => ({ flag: `--${kind}`, file: `found.${kind}` }));
    for (const { file } of reports) rmSync(workAt(copy, file), { force: true });
    // Without a filter, and in one list: otherwise rclone 1.60 does not find all that is in S3.
    const { stderr } = await copy.run('rclone', [
      'check',
      '--fast-list',
      '--one-way',
      ...reports.flatMap(({ flag, file }) => [flag, workAt(copy, file)]),
      hereAt(copy, folder, ARCHIVE),
      `${copy.name}:${folder}/${ARCHIVE}`,
    ]);
    if (!isThere(workAt(copy, 'found.differ'))) tell(`WAL: ${failure('', stderr)}`);
    const found = reports.flatMap(({ file }) => (readWork(copy, file) ?? '').split('\n')).map((file) => `${folder}/${ARCHIVE}/${file}`);
    for (const file of [...new Set(found)].sort()) if (sent.has(file)) tell(`WAL: ${file} is missing there or differs`);
  }
}
