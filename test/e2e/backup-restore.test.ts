import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../support/backup-stack.ts';
import { docker } from '../support/cli.ts';
import { parsed, until } from './support.ts';

interface Outcome {
  result: string;
  rtoSeconds: number;
  safety: string | null;
  steps: string[];
  checks: { id: string; status: string; message: string }[];
}

let stack: BackupStack;
/** A moment at which everything was of `then`. */
let then = '';
const THEN = { rows: ['one', 'then'], files: ['kept.txt=then', 'one.txt=then'], session: 'then' };
const NOW = { rows: ['one', 'then', 'now'], files: ['kept.txt=then', 'one.txt=now', 'two.txt=now'], session: 'now' };

const everything = async () => ({
  rows: (await stack.sql('select text from noted order by id')).split('\n'),
  files: await stack.files(),
  session: await stack.cache('get', 'session:1'),
});
const restored = async (...args: string[]) => parsed<Outcome>(await stack.must('restore', ...args, '--yes', '--json'));
const journal = () => path.join(stack.space.state, 'restoring.json');
const touched = (): string[] => (existsSync(journal()) ? (JSON.parse(readFileSync(journal(), 'utf8')).touched as string[]) : []);

beforeAll(async () => {
  stack = await backupStack('restore');
  await stack.must('up', '--timeout', '400');
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
  await stack.upload('one.txt', 'then');
  await stack.upload('kept.txt', 'then');
  await stack.cache('set', 'session:1', 'then');
  await stack.must('backup', '--type', 'full');
  await stack.sql("insert into noted (text) values ('then')");
  await sleep(1100);
  then = new Date().toISOString();
  await sleep(1100);
  await stack.sql("insert into noted (text) values ('now')");
  await stack.upload('one.txt', 'now');
  await stack.upload('two.txt', 'now');
  await stack.cache('set', 'session:1', 'now');
}, 900_000);

afterAll(() => stack?.destroy());

describe('a restore in place', () => {
  test('says what it will do and is asked for by name; times that cannot be reached are refused before anything is touched', async () => {
    const plan = parsed<Outcome>(await stack.must('restore', '--to', then, '--dry-run', '--json'));
    expect([plan.result, plan.steps.length]).toEqual(['planned', 6]);
    expect(await stack.refused('restore', '--to', then)).toEqual([2, 'CONFIRMATION_NEEDED']);
    for (const to of ['2020-01-01T00:00:00Z', new Date(Date.now() + 86_400_000).toISOString()])
      expect(await stack.refused('restore', '--to', to, '--yes')).toEqual([1, 'NO_BACKUP']);
    expect(await stack.refused('restore', '--undo', '--yes')).toEqual([1, 'NO_BACKUP']);
    expect(await everything()).toEqual(NOW);
  });

  test('killed while data is replaced: nothing else may start anything, and the next run goes on', async () => {
    let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
    const killed = stack.space.run(['restore', '--to', then, '--yes'], { onSpawn: (started) => (child = started) });
    await until('the database is being replaced', () => touched().includes('db'), 180);
    child?.kill('SIGKILL');
    expect((await killed).status).not.toBe(0);
    expect(await stack.refused('up')).toEqual([4, 'PARTIAL']);
    expect((await stack.space.run(['status'])).stdout).toContain('was stopped while data was replaced');

    const outcome = await restored();
    figure('in place, gone on with', outcome);
    expect(outcome.checks.map(({ status }) => status)).not.toContain('fail');
    expect(await everything()).toEqual(THEN);
    await stack.must('health');
    expect((await stack.sets()).at(-1)).toMatchObject({ type: 'full', status: 'stored' });
  }, 400_000);

  test('and back again', async () => {
    const outcome = await restored('--undo');
    figure('undo', outcome);
    expect(await everything()).toEqual(NOW);
    await stack.must('health');
    expect(await stack.refused('restore', '--undo', '--yes')).toEqual([1, 'NO_BACKUP']);
  }, 400_000);

  test('one that fails half-way leaves what was there', async () => {
    const failed = stack.space.run(['restore', '--to', then, '--yes', '--json']);
    const job = `${stack.space.project}-job-restore-files`;
    await until(
      'its uploads are being restored',
      async () => touched().includes('files') && (await docker(['kill', job])).status === 0,
      180,
    );
    const { status, stdout } = await failed;
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect([status, error.code]).toEqual([1, 'RESTORE_FAILED']);
    expect(error.message).toContain('what was before runs');
    expect(await everything()).toEqual(NOW);
    await stack.must('health');
  }, 400_000);
});

describe('a part alone', () => {
  const full = async () => (await stack.sets()).find(({ type }) => type === 'full')?.id as string;

  test('files', async () => {
    await restored(await full(), '--only', 'files');
    expect(await everything()).toEqual({ ...NOW, files: THEN.files });
    await restored('--undo');
    expect(await everything()).toEqual(NOW);
  }, 400_000);

  test('the cache', async () => {
    const outcome = await restored(await full(), '--only', 'redis');
    figure('cache', { seconds: outcome.rtoSeconds });
    expect(await everything()).toEqual({ ...NOW, session: THEN.session });
    await stack.must('health');
  }, 400_000);

  test('settings, which are written and not applied', async () => {
    const file = path.join(stack.space.dir, 'medianest.yml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${before}# changed\n`);
    await restored('--only', 'settings');
    expect(readFileSync(file, 'utf8')).toBe(before);
    await restored('--undo');
    expect(readFileSync(file, 'utf8')).toBe(`${before}# changed\n`);
  });
});
