import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readSetArchive } from '../../../src/backup/archive/reader.ts';
import { retention } from '../../../src/backup/plan/retention.ts';
import { databaseShare, nameProblem, reachableFrom, unexpectedGaps, withImported } from '../../../src/backup/plan/set-archive.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-set-archive-'));
afterAll(() => rmSync(root, { recursive: true }));

const FILES: Record<string, string> = {
  'RESTORE.txt': 'the recipe',
  'repository.id': 'one\n',
  'pgbackrest/archive/medianest/archive.info': 'info',
  'pgbackrest/backup/medianest/20261125-100000F/bundle/1': 'x'.repeat(300_000),
  'files/config': 'config',
};
let made = 0;

/** Written by GNU tar, as an export is. @param more done in the folder, before it is packed */
function archive(files: Record<string, string> = FILES, more: (folder: string) => string[] = () => []): string {
  const folder = path.join(root, String(made++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  const sum = (text: string) => createHash('sha256').update(text).digest('hex');
  writeFileSync(
    path.join(folder, 'SHA256SUMS'),
    Object.entries(files)
      .map(([name, text]) => `${sum(text)}  ${name}\n`)
      .join(''),
  );
  const names = ['SHA256SUMS', ...Object.keys(files), ...more(folder)];
  execFileSync('tar', ['--format=ustar', '-P', '-cf', `${folder}.tar`, '-C', folder, ...names]);
  return `${folder}.tar`;
}
const read = (file: string, highWaterMark = 65_536) => readSetArchive(file, createReadStream(file, { highWaterMark }));

test('one that is whole says what it is, however it is cut into pieces', async () => {
  const file = archive();
  for (const size of [1000, 512, 65_536, 10_000_000]) {
    const facts = await read(file, size);
    expect(facts).toMatchObject({ repository: 'one', recipe: 'the recipe', files: 5, bytes: readFileSync(file).length });
    expect(facts.sha256).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'));
  }
});

test('one that was cut short is refused, wherever that is', async () => {
  const whole = readFileSync(archive());
  for (const size of [0, 100, 512, 1024, 5000, 200_000, whole.length - 10_240]) {
    const file = path.join(root, 'cut.tar');
    writeFileSync(file, whole);
    truncateSync(file, size);
    await expect(read(file), String(size)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  }
});

test('one flipped bit is found, in whichever byte it is', async () => {
  const whole = readFileSync(archive({ ...FILES, 'pgbackrest/backup/medianest/20261125-100000F/bundle/1': 'small' }));
  for (let at = 0; at < whole.length; at += 1) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 4;
    const found = readSetArchive(
      'f',
      (async function* () {
        yield bytes;
      })(),
    );
    await expect(found, `byte ${at}`).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  }
});

test('names that lead elsewhere, links and what is not in the list of sums are refused', async () => {
  const refused = async (file: string, why: string) =>
    expect(read(file)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED', message: expect.stringContaining(why) });
  await refused(archive({ ...FILES, 'files/../../etc/cron.d/x': 'x' }), 'lead elsewhere');
  await refused(archive({ ...FILES, 'other/x': 'x' }), 'does not belong');
  await refused(
    archive(FILES, (folder) => {
      symlinkSync('/etc', path.join(folder, 'files/link'));
      return ['files/link'];
    }),
    'no ordinary file',
  );
  await refused(
    archive(FILES, (folder) => {
      linkSync(path.join(folder, 'files/config'), path.join(folder, 'files/hard'));
      return ['files/hard'];
    }),
    'no ordinary file',
  );
  await refused(
    archive(FILES, (folder) => {
      writeFileSync(path.join(folder, 'files/more'), '');
      return ['files/more'];
    }),
    'not in its list of sums',
  );
});

test.each(['/etc/passwd', 'files//x', 'files/./x', 'files/..', 'files/a\nb', 'files/a\\b', 'pgbackrest/x', 'pgbackrest-2/../x/y'])(
  'the name %j is refused',
  (name) => expect(nameProblem(name)).toBeDefined(),
);

test.each(['files/data/ab/abcd', 'pgbackrest-2/backup/medianest/20261125-100000F/pg_data/base/1/ü', 'repository.id'])(
  'the name %j is taken',
  (name) => expect(nameProblem(name)).toBeUndefined(),
);

const info = (backups: [label: string, prior: string | null, reference: string[], database: number][]) =>
  JSON.stringify([
    {
      archive: [1, 2].map((id) => ({ id: `17-${id}`, database: { id } })),
      backup: backups.map(([label, prior, reference, id]) => ({ label, prior, reference, database: { id } })),
    },
  ]);
const [F, D, I] = ['20261125-100000F', '20261125-100000F_20261125-110000D', '20261125-100000F_20261125-120000I'];

test('a set consists of all that it is made from, and its WAL is that of its own database', () => {
  const all: Parameters<typeof info>[0] = [
    [F, null, [], 2],
    [D, F, [F], 2],
    [I, D, [F], 2],
    ['20261125-130000F', null, [], 1],
  ];
  expect(databaseShare(info(all), I)).toEqual({ labels: [F, D, I], archive: '17-2' });
  expect(databaseShare(info(all), F)).toEqual({ labels: [F], archive: '17-2' });
  expect(databaseShare(info(all), 'none')).toBeUndefined();
  expect(databaseShare(info(all.filter(([label]) => label !== D)), I)).toBeUndefined();
});

test('one that is imported comes among the others by its time, and is not known to be good before it was read', () => {
  const [old, young] = [setAt('2026-11-01', { id: 'old' }), setAt('2026-11-20', { id: 'young' })];
  const now = '2026-11-25T00:00:00.000Z';
  const imported = setAt('2026-11-10', { id: 'imported', verifiedAt: now, drilledAt: now });
  const among = withImported([old, young], imported, now);
  expect(among.map(({ id, verifiedAt, importedAt }) => [id, verifiedAt, importedAt])).toEqual([
    ['old', undefined, undefined],
    ['imported', undefined, now],
    ['young', undefined, undefined],
  ]);
  expect(withImported([old, young], { ...young }, now)).toEqual([old, young]);
  const damaged = { ...young, problems: ['a page'] };
  expect(withImported([old, damaged], young, now).at(-1)).toEqual({ ...young, importedAt: now });
});

test('it stays for a week after it was imported, whatever the rules', () => {
  const none = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  const imported = setAt('2026-01-01', { id: 'imported', importedAt: '2026-11-20T00:00:00.000Z' });
  const kept = (newest: string) => retention([imported, setAt(newest, { id: 'n' })], none).find(({ id }) => id === 'imported')?.keep;
  expect([kept('2026-11-26'), kept('2026-11-28')]).toEqual([true, false]);
});

test('behind what was imported WAL may be missing; within it, and behind any other set, that is told', () => {
  const wal = (n: number) => `0000000100000000000000${n.toString(16).padStart(2, '0')}`;
  const gap = (after: number) => ({ after: wal(after), before: wal(after + 3), missing: 2 });
  const imported = setAt('2026-11-01', { id: 'i', wal: wal(2), importedAt: '2026-11-20T00:00:00.000Z' });
  const own = setAt('2026-11-20', { id: 'o', wal: wal(20) });
  expect(unexpectedGaps([gap(2), gap(30)], [imported, own])).toEqual([gap(30)]);
  const { db } = imported.parts;
  const longer = { ...imported, parts: { ...imported.parts, db: { ...db, walStop: wal(9) } } };
  expect(unexpectedGaps([gap(2)], [longer, own])).toEqual([gap(2)]);
  expect(reachableFrom([gap(2)], [imported, own])).toBe(own.parts.db.consistentAt);
  expect(reachableFrom([], [imported, own])).toBe(imported.parts.db.consistentAt);
  // Whether WAL is missing is not known.
  expect(reachableFrom(undefined, [imported, own])).toBeUndefined();
});
