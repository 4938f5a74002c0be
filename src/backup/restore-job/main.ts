import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOptional } from '../../core/files.ts';
import { locked } from '../copies-service/lock.ts';
import {
  backrestEnvironment,
  backrestOptions,
  NOT_ON_THE_WAY,
  parseOrder,
  type RestoreOrder,
  repositoriesOf,
  restoreOptions,
  type Way,
  waysOf,
} from './plan/order.ts';
import {
  continueSettings,
  FACTS_SQL,
  HBA_CONF,
  lastFatal,
  lastTransaction,
  RECOVERY_CONF,
  unmarkedHistories,
  withoutRecovery,
} from './plan/recovery.ts';
import { CONFIG, checkAll, hasEnded, LOG, run, say, sql, startServer } from './server.ts';

/*
 * Restores the database into a folder, follows WAL as far as asked, and lets it become a database of its own that has a timeline
 * of its own. Without a network: the repository is only read, and nothing is archived. Its last line is JSON, of what it got.
 */

/** A restore, and what its programs are given. */
interface Work extends RestoreOrder {
  environment: NodeJS.ProcessEnv;
}

/** @returns pgBackRest’s exit status: 0 if it has restored it; it says itself why not */
async function restore(work: Work, way: Way): Promise<number | null> {
  say('restoring the set');
  rmSync(work.data, { recursive: true, force: true });
  mkdirSync(work.data, { mode: 0o700 });
  const args = [...backrestOptions(work.data), ...restoreOptions(work, way)];
  const child = spawn('pgbackrest', args, { stdio: ['ignore', 2, 2], env: work.environment });
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

const settingsOf = ({ data }: Work): string => path.join(data, 'postgresql.auto.conf');

function continueHere(work: Work): void {
  const file = settingsOf(work);
  writeFileSync(file, continueSettings(readFileSync(file, 'utf8'), ['pgbackrest', ...backrestOptions(work.data)]));
  // One that followed another would wait for that one for ever.
  rmSync(path.join(work.data, 'standby.signal'), { force: true });
  writeFileSync(path.join(work.data, 'recovery.signal'), '');
}

/** @returns the server, which has become a database; undefined where it has ended before */
async function recover(work: Work): Promise<ChildProcess | undefined> {
  say('following WAL');
  rmSync(path.join(work.data, 'postmaster.pid'), { force: true });
  const server = startServer(work.data, work.environment);
  for (;;) {
    const recovering = await sql(work.environment, 'postgres', 'select pg_is_in_recovery()').catch(() => undefined);
    if (recovering === 'f') return server;
    if (hasEnded(server)) return undefined;
    await sleep(200);
  }
}

const readLog = (): string => readOptional(LOG) ?? '';

async function database(work: Work): Promise<ChildProcess> {
  if (work.set === undefined) {
    continueHere(work);
    const server = await recover(work);
    if (server) return server;
    throw new Error(`it did not become a database: ${lastFatal(readLog())}`);
  }
  for (const way of waysOf(work)) {
    if (way.after && !way.after.test(readLog())) break;
    const code = await restore(work, way);
    if (code !== 0 && code !== NOT_ON_THE_WAY) throw new Error('pgBackRest could not restore the set');
    const server = code === 0 ? await recover(work) : undefined;
    if (server) return server;
  }
  throw new Error(`WAL does not lead there: ${lastFatal(readLog())}`);
}

async function restoreDatabase(work: Work): Promise<void> {
  writeFileSync(CONFIG, RECOVERY_CONF);
  writeFileSync('/tmp/hba.conf', HBA_CONF);
  const server = await database(work);
  const ended = once(server, 'close');
  if (work.check) await checkAll(work.environment);
  const facts = await sql(work.environment, 'medianest', FACTS_SQL);
  await sql(work.environment, 'postgres', 'checkpoint');
  const wal = path.join(work.data, 'pg_wal');
  const status = path.join(wal, 'archive_status');
  for (const name of unmarkedHistories(readdirSync(wal), statSync(status, { throwIfNoEntry: false }) ? readdirSync(status) : []))
    writeFileSync(path.join(status, `${name}.ready`), '');
  server.kill('SIGINT');
  await ended;
  const file = settingsOf(work);
  writeFileSync(file, withoutRecovery(readFileSync(file, 'utf8')));
  await run('sync', ['--file-system', work.data]);
  process.stdout.write(`{"lastTransaction": ${JSON.stringify(lastTransaction(readLog()))}, "facts": ${facts.replaceAll('\n', '')}}\n`);
}

async function main(): Promise<void> {
  const order = parseOrder(process.env);
  const repositories = repositoriesOf(order.generations);
  const keys = repositories.map(({ secret }) => readFileSync(path.join('/run/secrets', secret), 'utf8').replace(/\n+$/, ''));
  const environment = backrestEnvironment(process.env, repositories, keys) as NodeJS.ProcessEnv;
  const parent = path.dirname(order.data);
  mkdirSync(parent, { recursive: true });
  const done = await locked(path.join(parent, '.restoring'), 0, () => restoreDatabase({ ...order, environment }));
  if (!done) throw new Error(`another restore is at work in ${parent}`);
}

process.umask(0o077);
main().catch((error: Error & { stderr?: string }) => {
  say(error.stderr?.trim() || error.message);
  process.exit(1);
});
