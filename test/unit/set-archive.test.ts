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
import { readSetArchive } from '../../src/engine/read-set-archive.ts';
import { nameProblem } from '../../src/plan/set-archive.ts';

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
