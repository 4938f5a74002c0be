import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOptional } from '../../core/files.ts';
import { locked } from '../copies-service/lock.ts';
import { DUMP_FILE, ROLES_FILE } from '../plan/dump.ts';
import { FACTS_SQL, HBA_CONF, lastFatal } from '../restore-job/plan/recovery.ts';
import { CONFIG, CONNECTION, checkAll, hasEnded, LOG, PSQL, run, say, sql, startServer } from '../restore-job/server.ts';
import { DUMP_CONF, type DumpOrder, initdbOptions, parseDumpOrder, rolesToMake } from './plan/order.ts';

/*
 * Makes a cluster of dumps: a new one in a folder, the roles, and each database, whose data comes from restic's repository and passes
 * through no file. Without a network. Its last line is JSON, of what it got, as that of restore-database.
 */

const environment: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C.UTF-8', PGDATA: undefined };

const fromRepository = (snapshot: string, file: string): string[] => ['dump', '--no-lock', '--quiet', snapshot, `/${file}`];

async function makeCluster(data: string): Promise<ChildProcess> {
  rmSync(data, { recursive: true, force: true });
  await run('initdb', initdbOptions(data), { env: environment });
  writeFileSync(CONFIG, DUMP_CONF);
  writeFileSync('/tmp/hba.conf', HBA_CONF);
  const server = startServer(data, environment);
  for (;;) {
    if ((await sql(environment, 'postgres', 'select 1').catch(() => undefined)) === '1') return server;
    if (hasEnded(server)) throw new Error(`the server did not start: ${lastFatal(readOptional(LOG) ?? '')}`);
    await sleep(200);
  }
}

/** The end of what a program says, and its status. */
function watched(child: ChildProcess): Promise<{ code: number; said: string }> {
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-2000);
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? 1, said: said.trim() }));
    child.once('error', (error) => resolve({ code: 1, said: error.message }));
  });
}

async function makeRoles(snapshot: string): Promise<void> {
  const { stdout } = await run('repository', fromRepository(snapshot, ROLES_FILE), { env: environment, maxBuffer: 64 * 1024 ** 2 });
  const psql = spawn('psql', [...PSQL, '-d', 'postgres'], { stdio: ['pipe', 'ignore', 'pipe'], env: environment });
  const ended = watched(psql);
  psql.stdin.on('error', () => undefined);
  psql.stdin.end(rolesToMake(stdout));
  const { code, said } = await ended;
  if (code !== 0) throw new Error(`the roles could not be made: ${said}`);
}

async function restoreOne(snapshot: string): Promise<void> {
  const source = spawn('repository', fromRepository(snapshot, DUMP_FILE), { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  const options = ['--create', '--exit-on-error', ...CONNECTION, '--dbname', 'postgres'];
  const target = spawn('pg_restore', options, { stdio: ['pipe', 'ignore', 'pipe'], env: environment });
  const ends = [watched(source), watched(target)] as const;
  // Without last words: those of what failed first are told.
  target.stdin.on('error', () => source.kill('SIGKILL'));
  source.stdout.pipe(target.stdin);
  const [read, restored] = await Promise.all(ends);
  if (read.code !== 0 && read.said !== '') throw new Error(`the dump could not be read: ${read.said}`);
  if (restored.code !== 0 || read.code !== 0) throw new Error(restored.said || 'the dump could not be read to its end');
}

async function restoreDumps({ data, roles, dumps, check }: DumpOrder): Promise<void> {
  say('making a cluster');
  const server = await makeCluster(data);
  const ended = once(server, 'close');
  await makeRoles(roles);
  for (const snapshot of dumps) {
    say(`restoring ${snapshot}`);
    await restoreOne(snapshot);
  }
  say('counting for the query planner');
  await run('vacuumdb', [...CONNECTION, '--all', '--analyze-only', '--quiet'], { env: environment });
  if (check) await checkAll(environment);
  const facts = await sql(environment, 'medianest', FACTS_SQL);
  server.kill('SIGINT');
  const [code] = await ended;
  if (code !== 0) throw new Error('the server did not shut down cleanly');
  await run('sync', ['--file-system', data]);
  process.stdout.write(`{"lastTransaction": "", "facts": ${facts.replaceAll('\n', '')}}\n`);
}

async function main(): Promise<void> {
  const order = parseDumpOrder(process.env);
  const parent = path.dirname(order.data);
  mkdirSync(parent, { recursive: true });
  const done = await locked(path.join(parent, '.restoring'), 0, () => restoreDumps(order));
  if (!done) throw new Error(`another restore is at work in ${parent}`);
}

process.umask(0o077);
main().catch((error: Error & { stderr?: string }) => {
  say(error.stderr?.trim() || error.message);
  process.exit(1);
});
