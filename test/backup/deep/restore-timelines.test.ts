import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupStack, backupStack } from '../../support/backup/backup-stack.ts';
import { docker } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';

/** Each restore begins a timeline: what can be reached afterwards, and by which words. */
let stack: BackupStack;
let between = '';

const look = () => `${stack.space.project}-look`;
const restored = (...args: string[]) => stack.must('restore', ...args, '--yes', '--json');
const missing = (table: string) => stack.sql(`select to_regclass('${table}') is null`);
const latest = async () => (await stack.sets()).findLast(({ reason }) => reason === 'asked')?.id;
const journal = () => path.join(stack.space.state, 'restoring.json');

/** What a restore into a preview shows of a table. */
async function shown(table: string, ...args: string[]): Promise<string> {
  await stack.must('restore', ...args, '--only', 'db', '--into', look(), '--json');
  const psql = ['psql', '-XqAt', '-h', '/run', '-U', 'postgres', '-d', 'medianest', '-c', `select text from ${table} order by text`];
  const rows = (await docker(['exec', `${look()}-postgres`, ...psql])).stdout.trim();
  await stack.must('preview', 'remove', look());
  return rows;
}

beforeAll(async () => {
  stack = await backupStack('timelines');
  await stack.must('up', '--timeout', '400');
  await stack.sql("create table accident (text text); insert into accident values ('a')");
  await stack.must('backup', '--type', 'full');
  await stack.sql("insert into accident values ('b')");
  await sleep(1100);
  between = new Date().toISOString();
  await sleep(1100);
  await stack.sql('drop table accident');
  await restored('latest');
  expect(await stack.sql('select text from accident')).toBe('a');
}, 900_000);

afterAll(() => stack?.destroy());

test('a moment after that set is on the timeline that the restore has left', async () => {
  expect(await shown('accident', '--to', between)).toBe('a\nb');
}, 200_000);

test('undo brings back what was there, and `newest` everything, the accident included', async () => {
  await restored('--undo');
  expect(await missing('accident')).toBe('t');
  await stack.sql("create table later (text text); insert into later values ('one')");
  const plan = parsed<{ recovery: { text: string } | null }>(await stack.must('restore', '--to', 'newest', '--dry-run', '--json'));
  expect(plan.recovery?.text).toContain('the newest moment that can be reached (now, ');
  await restored('--to', 'newest');
  expect([await missing('accident'), await stack.sql('select text from later')]).toEqual(['t', 'one']);
  await stack.must('health');
}, 600_000);

test('killed after its end and before its full backup: `newest` follows what is written since, and a backup is made', async () => {
  const last = path.join(stack.space.state, 'restore.json');
  const before = readFileSync(last, 'utf8');
  const set = await latest();
  let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
  const killed = stack.space.run(['restore', 'latest', '--yes'], { onSpawn: (started) => (child = started) });
  await until('it has ended, and makes its full backup', () => readFileSync(last, 'utf8') !== before && !existsSync(journal()), 300);
  child?.kill('SIGKILL');
  expect((await killed).status).not.toBe(0);
  expect(await latest()).toBe(set);
  expect((await stack.sets()).at(-1)?.reason).toBe('safety');
  await stack.sql("insert into later values ('two')");
  expect(await shown('later', '--to', 'newest')).toBe('one\ntwo');
  expect(await shown('later', 'latest')).toBe('one');
  await stack.must('backup');
  expect(await shown('later', 'latest')).toBe('one\ntwo');
  await stack.must('health');
}, 600_000);
