import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tarBytes } from './plan/size.ts';
import { belongsTo, missingSegments, type WalRange } from './plan/wal.ts';

/*
 * Gathers a set for an archive: which files of the database's part belong to it, and the sums of all. The repository is only read;
 * what is made for it is in /stage. Its arguments are labels, its standard input is the recipe; it prints how many bytes the
 * archive will have.
 *   FOLDER  of the database's part; ARCHIVE  17-1; FIRST, LAST  segments; REST  yes: also WAL after LAST
 */

const REPOSITORY = '/srv/backups';
const STAGE = '/stage';
const LISTS = ['archive/medianest/archive.info', 'backup/medianest/backup.info'];

const needed = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`export-set needs ${name}`);
  return value;
};

/** Files below a folder, by their paths from `root`. */
const filesBelow = (root: string, folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));

/** Files of the archive and its folders of segments: `17-1/00000002.history`, `17-1/0000000100000000/SEGMENT-SUM.zst`. */
function walFiles(archive: string): string[] {
  const at = path.join(REPOSITORY, archive);
  // Not existsSync: what cannot be looked at is not missing.
  if (!statSync(at, { throwIfNoEntry: false })) return [];
  return readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return entry.name.endsWith('.history') ? [`${archive}/${entry.name}`] : [];
    return readdirSync(path.join(at, entry.name)).map((name) => `${archive}/${entry.name}/${name}`);
  });
}

/** Those of the list go to the end of the file of sums. */
async function addSums(root: string, list: string): Promise<void> {
  const sums = openSync(path.join(STAGE, 'SHA256SUMS'), 'a');
  const child = spawn('xargs', ['--null', '--arg-file', list, 'sha256sum'], { cwd: root, stdio: ['ignore', sums, 2] });
  const [status] = await once(child, 'close');
  closeSync(sums);
  if (status !== 0) throw new Error(`sha256sum ended with status ${status}`);
}

const nulEnded = (paths: readonly string[]): string => paths.map((file) => `${file}\0`).join('');

async function gather(labels: readonly string[]): Promise<number> {
  const folder = needed('FOLDER');
  const range: WalRange = { first: needed('FIRST'), last: needed('LAST'), rest: process.env.REST === 'yes' };
  writeFileSync(path.join(STAGE, 'RESTORE.txt'), readFileSync(0));
  copyFileSync(path.join(REPOSITORY, 'repository.id'), path.join(STAGE, 'repository.id'));
  // Those may change while the archive is written: they are taken as they are now.
  for (const list of LISTS.flatMap((name) => [name, `${name}.copy`])) {
    mkdirSync(path.join(STAGE, folder, path.dirname(list)), { recursive: true });
    copyFileSync(path.join(REPOSITORY, folder, list), path.join(STAGE, folder, list));
  }
  const wal = walFiles(`${folder}/archive/medianest/${needed('ARCHIVE')}`).filter((file) => belongsTo(range, path.basename(file)));
  const missing = missingSegments(
    range,
    wal.map((file) => path.basename(file)),
  );
  if (missing > 0) throw new Error(`of the WAL from ${range.first} to ${range.last}, ${missing} segments are missing`);
  const theirs = [...labels.flatMap((label) => filesBelow(REPOSITORY, `${folder}/backup/medianest/${label}`)), ...wal].sort();
  const ours = ['RESTORE.txt', 'repository.id', ...filesBelow(STAGE, folder), ...filesBelow(STAGE, 'files')].sort();
  // `export-set write` reads both.
  writeFileSync(path.join(STAGE, '.theirs'), nulEnded(theirs));
  writeFileSync(path.join(STAGE, '.ours'), nulEnded(ours));
  await addSums(STAGE, path.join(STAGE, '.ours'));
  await addSums(REPOSITORY, path.join(STAGE, '.theirs'));
  const sizeIn = (root: string) => (file: string) => statSync(path.join(root, file)).size;
  return tarBytes([...['SHA256SUMS', ...ours].map(sizeIn(STAGE)), ...theirs.map(sizeIn(REPOSITORY))]);
}

process.umask(0o077);
gather(process.argv.slice(2)).then(
  (bytes) => process.stdout.write(`${bytes}\n`),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
