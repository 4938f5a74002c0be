import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCopy } from '../../../src/backup/copies-service/check.ts';
import { workAt } from '../../../src/backup/copies-service/copy.ts';
import { locked } from '../../../src/backup/copies-service/lock.ts';
import { copySnapshots } from '../../../src/backup/copies-service/restic.ts';
import { type CopiesRemote, failed, said } from '../../support/backup/copies-remote.ts';
import { ascending, copiesRound, FULL, NOW, SETS, segment, WAL } from '../../support/backup/copies-round.ts';
import { HOME } from '../../support/cli.ts';

const INCREMENT = `${FULL}_20260102-000000I`;

let world: CopiesRemote;
let log: string[];
let { send, sent, want, putLabel, order } = {} as ReturnType<typeof copiesRound>;

beforeEach(() => {
  ({ world, log, send, sent, want, putLabel, order } = copiesRound());
});
afterEach(() => world.destroy());

describe('WAL', () => {
  it('goes to an empty place after whose it is, and before what says which archives there are', async () => {
    await send('wal');
    expect(sent()).toEqual(['repository.id', segment('08'), segment('09'), `${WAL}/archive.info`, `${WAL}/archive.info.copy`].sort());
    expect(ascending(order('repository.id', '--files-from-raw', 'archive.info', 'archive.info.copy'))).toBe(true);
    expect([world.fact('wal-success'), world.fact('wal-tried'), world.fact('wal-error')]).toEqual([NOW, NOW, '']);
    expect([world.fact('newest'), world.fact('sending')]).toEqual(['000000010000000000000009', undefined]);
  });

  it('is sent once, and from the oldest set on', async () => {
    want('09', [], []);
    await send('wal');
    expect(sent()).toEqual(expect.not.arrayContaining([segment('08')]));
    world.calls.length = 0;
    await send('wal');
    expect(world.calls).toEqual([]);
    world.put(world.here(segment('0A')), 'wal 0A');
    await send('wal');
    expect(world.calls).toHaveLength(1);
    expect(sent()).toContain(segment('0A'));
  });

  it.each(['fails', 'is killed'])('that %s while it is sent is sent again, though it has its size there', async (how) => {
    world.answer = (call) => {
      if (!call.includes('--files-from-raw')) return undefined;
      for (const number of ['08', '09']) world.put(world.there(segment(number)), 'half..');
      if (how === 'is killed') throw new Error('killed');
      return failed('2026/11/25 10:00:00 ERROR : connection lost');
    };
    await send('wal');
    expect(world.fact('sending')).toBe([segment('08'), segment('09')].join('\n'));
    // As after a start: what is there is listed again.
    rmSync(workAt(world.copy, 'there'), { force: true });
    world.answer = () => undefined;
    await send('wal');
    expect(readFileSync(world.there(segment('08')), 'utf8')).toBe('wal 08');
    expect(world.fact('sending')).toBeUndefined();
  });

  it('tells an error once, and once that it is over', async () => {
    world.answer = (call) => (call.startsWith('rclone copy ') ? failed('ERROR : connection lost') : undefined);
    await send('wal');
    await send('wal');
    expect(world.fact('wal-error')).toBe('connection lost');
    expect(world.fact('wal-success')).toBeUndefined();
    world.answer = () => undefined;
    await send('wal');
    await send('wal');
    expect(log).toEqual(['copy sftp: wal: connection lost', 'copy sftp: wal is sent again']);
  });

  it('tells a full disk from a server that refuses', async () => {
    world.answer = (call) => {
      if (call.startsWith('rclone about')) return said('{"free": 2097152}');
      return call.startsWith('rclone copy ') ? failed('sftp: "Failure" (SSH_FX_FAILURE)') : undefined;
    };
    await send('wal');
    expect(world.fact('wal-error')).toMatch(/^the disk there is full or nearly so, 2 MiB are free: /);
  });

  it('is not sent where nothing was ever backed up', async () => {
    rmSync(world.here('repository.id'));
    await send('wal');
    world.put(world.here('repository.id'), 'own\n');
    rmSync(world.here(WAL), { recursive: true });
    await send('wal');
    expect([world.calls, world.fact('wal-tried')]).toEqual([[], undefined]);
  });
});

describe('the place', () => {
  it.each([
    ['another repository', 'repository.id', 'other\n', 'it is the copy of another repository (other), and is not touched'],
    ['something else', 'photos/1.jpg', 'x', 'something else is there already: give it an empty folder of its own'],
  ])('that holds %s is not touched', async (_, file, text, why) => {
    world.put(world.there(file), text);
    await send('wal');
    want('08', [], []);
    await send('sets');
    expect([world.calls, world.fact('wal-error'), world.fact('sets-error')]).toEqual([[], why, why]);
    expect(world.files(world.there())).toEqual({ [file]: text });
  });

  it('that was emptied gets everything again', async () => {
    putLabel(FULL);
    want('08', [FULL], ['a']);
    await send('sets');
    const before = world.files(world.there());
    rmSync(world.there(), { recursive: true });
    world.put(world.there('repository.id'), '');
    await send('wal');
    expect(world.fact('done')).toBeUndefined();
    await send('sets');
    expect(world.files(world.there())).toEqual(before);
  });

  it('is not touched by a repository that was lost and begun again under the same identity', async () => {
    putLabel(FULL);
    want('08', [FULL], ['a']);
    await send('sets');
    rmSync(world.here('pgbackrest'), { recursive: true });
    world.put(world.here(segment('08')), 'another length');
    putLabel('20260301-000000F');
    want('08', ['20260301-000000F'], ['b']);
    world.calls.length = 0;
    for (const kind of ['wal', 'sets'] as const) {
      await send(kind);
      expect(world.fact(`${kind}-error`)).toContain('nothing that the copy holds is here');
    }
    expect(world.calls).toEqual([]);
    // It is looked at again the next time, not remembered.
    expect(existsSync(workAt(world.copy, 'there'))).toBe(false);
  });
});

describe('sets', () => {
  it('are listed there once all that they are restored from is there, and what goes comes after that', async () => {
    for (const label of ['20250101-000000F', '20250101-000000F_20250102-000000I']) putLabel(label, world.there);
    world.put(world.there('repository.id'), 'own\n');
    putLabel('20250101-000000F');
    putLabel(FULL);
    putLabel(INCREMENT);
    world.put(world.there(segment('07')), 'wal 07');
    world.put(world.there(segment('08')), 'wal 08');
    want('09', [FULL, INCREMENT], ['a', 'b']);
    world.answer = (call) =>
      call.startsWith('restic snapshots') ? said('[{"id":"1","tags":["set","old"]},{"id":"2","tags":["set","a"]}]') : undefined;
    await send('sets');
    expect(world.fact('sets-error')).toBe('');
    expect(
      ascending(
        order(
          `--exclude backup.manifest* HERE/${SETS}/${FULL} `,
          `--include backup.manifest.copy HERE/${SETS}/${FULL} `,
          `--include backup.manifest HERE/${SETS}/${FULL} `,
          `--include backup.manifest HERE/${SETS}/${INCREMENT} `,
          'backup.info',
          'rclone copy --ignore-times',
          'restic copy --no-lock --quiet --tag a --tag b',
          'restic copy --no-lock --quiet --tag catalogue latest',
          `rclone purge sftp:${SETS}/20250101-000000F_20250102-000000I`,
          'rclone delete',
          'restic forget --quiet --prune 1',
        ),
      ),
    ).toBe(true);
    expect(world.calls.filter((call) => call.startsWith('rclone purge')).at(-1)).toBe(`rclone purge sftp:${SETS}/20250101-000000F`);
    expect(sent().filter((file) => file.includes('.zst') && file.startsWith(WAL))).toEqual([segment('09')]);
    expect(world.fact('labels')).toBe(`pgbackrest/${FULL} pgbackrest/${INCREMENT} `);
    expect(world.fact('done')).toBe(readFileSync(world.here('copies/sftp'), 'utf8'));
    const held = Object.values(world.files(world.there())).reduce((sum, text) => sum + text.length, 0);
    // This server does not tell what is free.
    expect([world.fact('bytes'), world.fact('free'), world.fact('measured')]).toEqual([String(held), '', NOW]);
    world.calls.length = 0;
    await send('sets');
    expect([world.calls, world.fact('sets-success')]).toEqual([[], NOW]);
  });

  it.each(['rclone copy --exclude', 'rclone copy --ignore-times', 'restic copy'])('nothing goes where `%s` fails', async (call) => {
    putLabel('20250101-000000F', world.there);
    putLabel('20250101-000000F');
    world.put(world.there('repository.id'), 'own\n');
    putLabel(FULL);
    want('09', [FULL], ['a']);
    world.answer = (text) => (text.startsWith(call) ? failed('ERROR : no') : undefined);
    await send('sets');
    expect([world.fact('sets-error'), world.fact('done')]).toEqual(['no', undefined]);
    expect(sent()).toContain(`${SETS}/20250101-000000F/backup.manifest`);
    expect(world.calls.filter((text) => /purge|delete|--prune/.test(text))).toEqual([]);
  });

  it('that are there are there, also where what they take cannot be measured', async () => {
    putLabel(FULL);
    want('09', [FULL], ['a']);
    world.answer = (call) => (call.startsWith('rclone size') ? failed('ERROR : no') : undefined);
    await send('sets');
    expect([world.fact('sets-success'), world.fact('sets-error'), world.fact('bytes')]).toEqual([NOW, '', undefined]);
  });

  it('that do not go leave WAL alone', async () => {
    putLabel(FULL);
    want('08', [FULL], ['a']);
    world.answer = (call) => (call.includes('backup.manifest') ? failed('ERROR : no') : undefined);
    await Promise.all([send('sets'), send('wal')]);
    expect([world.fact('sets-error'), world.fact('wal-error'), world.fact('wal-success')]).toEqual(['no', '', NOW]);
  });

  it('that are not here any more stay there as long as they are wanted', async () => {
    world.put(world.there('repository.id'), 'own\n');
    putLabel(FULL, world.there);
    putLabel(FULL);
    await send('wal');
    rmSync(world.here(SETS, FULL), { recursive: true });
    putLabel('20260201-000000F', world.there);
    putLabel('20260201-000000F');
    want('08', [FULL, '20260201-000000F'], ['a']);
    await send('sets');
    expect(world.fact('labels')).toBe(`pgbackrest/${FULL} pgbackrest/20260201-000000F `);
  });
});

describe('restic’s part', () => {
  const [from, to] = ['HERE/files', 'rclone:sftp:files'];
  const copy = () => copySnapshots(world.copy.run, from, to, ['a']);
  const closed = (call: string) => (call === 'restic cat config' ? failed('Fatal: unable to open config file') : undefined);

  it('that was killed while it was begun is begun again', async () => {
    world.put(world.there('files/keys/1'), 'half');
    world.answer = closed;
    await copy();
    expect(world.calls.slice(0, 2)).toEqual(['rclone purge sftp:files', 'restic init --quiet --copy-chunker-params']);
  });
  it('that does not open and holds snapshots is not touched', async () => {
    world.put(world.there('files/snapshots/1'), 'x');
    world.answer = closed;
    await expect(copy()).rejects.toThrow('restic cannot open its part: unable to open config file');
    expect(world.calls).toEqual([]);
  });
  it('loses what an upload was killed in, and gets another index', async () => {
    world.put(world.there(`files/index/${'a'.repeat(64)}`), 'half');
    world.answer = (call) =>
      call.endsWith('sftp:files/index') && call.includes('hashsum') ? said(`${'b'.repeat(64)}  ${'a'.repeat(64)}\n`) : undefined;
    await copy();
    expect(sent()).toEqual([]);
    expect(ascending(order('deletefile', 'restic repair index', 'restic copy'))).toBe(true);
  });
});

describe('a copy that is compared', () => {
  beforeEach(async () => {
    putLabel(FULL);
    want('08', [FULL], ['a']);
    await send('sets');
  });

  it('has no problem where all is there, also if newer WAL is not', async () => {
    world.put(world.here(segment('0A')), 'wal 0A');
    expect(await checkCopy(world.copy)).toEqual([]);
  });
  it('tells what is missing and what differs', async () => {
    writeFileSync(world.there(segment('08')), 'wal XX');
    rmSync(world.there(SETS, FULL, 'pg_data'), { recursive: true });
    world.answer = (call) => (call.startsWith('restic check') ? failed('Fatal: repository contains errors') : undefined);
    expect(await checkCopy(world.copy)).toEqual([
      `the database’s part pgbackrest/${FULL}: pg_data/1.zst: differs`,
      `WAL: ${segment('08')} is missing there or differs`,
      'the files’ part: repository contains errors',
    ]);
    rmSync(world.there(SETS, FULL), { recursive: true });
    world.answer = () => undefined;
    expect((await checkCopy(world.copy))[0]).toBe(`the database’s part pgbackrest/${FULL} is not there`);
  });
  it('tells that it cannot be reached', async () => {
    world.answer = (call) => (call.startsWith('rclone lsf') ? failed('NOTICE: x\nCRITICAL: connection refused') : undefined);
    expect(await checkCopy(world.copy)).toEqual(['connection refused']);
  });
  it('is not compared while sets are sent to it', async () => {
    const held = await locked(workAt(world.copy, 'sets.lock'), undefined, () => checkCopy(world.copy, 1));
    expect(held?.result).toEqual(['sets are still being sent to it, so it was not compared']);
  });
});

it('a lock is free as soon as its holder is killed', async () => {
  const file = workAt(world.copy, 'any.lock');
  const { outputFiles } = buildSync({
    entryPoints: ['src/backup/copies-service/lock.ts'],
    absWorkingDir: HOME,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  const hold = `module.exports.locked(${JSON.stringify(file)}, undefined, () => new Promise(() => process.stdout.write('held')))`;
  const holder = spawn(process.execPath, ['-e', `${outputFiles[0]?.text}\n${hold}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(await locked(file, 0, async () => 'held')).toBeUndefined();
  holder.kill('SIGKILL');
  expect(await locked(file, 10, async () => 'free')).toEqual({ result: 'free' });
});
