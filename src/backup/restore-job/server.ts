import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { promisify } from 'node:util';

/*
 * The server of a job: without a network, with its socket in /tmp, where this job alone is.
 */

export const CONFIG = '/tmp/recovery.conf';
export const LOG = '/tmp/recovery.log';
export const CONNECTION: readonly string[] = ['-h', '/tmp', '-U', 'postgres'];
export const PSQL: readonly string[] = ['-X', '-q', '-A', '-t', ...CONNECTION, '-v', 'ON_ERROR_STOP=1'];

export const run = promisify(execFile);
export const say = (line: string): boolean => process.stderr.write(`${line}\n`);

export async function sql(env: NodeJS.ProcessEnv, database: string, query: string): Promise<string> {
  const { stdout } = await run('psql', [...PSQL, '-d', database, '-c', query], { env });
  return stdout.trim();
}

/** Starts it on a data folder, by the configuration that was written before. */
export function startServer(data: string, env: NodeJS.ProcessEnv): ChildProcess {
  const log = openSync(LOG, 'w');
  const server = spawn('postgres', ['-D', data, '-c', `config_file=${CONFIG}`], { stdio: ['ignore', log, log], env });
  closeSync(log);
  return server;
}

export const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Reads every page of every table and index. @throws Error with what is wrong */
export async function checkAll(env: NodeJS.ProcessEnv): Promise<void> {
  say('checking every page and index');
  const args = [...CONNECTION, '--all', '--install-missing', '--heapallindexed'];
  await run('pg_amcheck', args, { env, maxBuffer: 64 * 1024 ** 2 }).catch((error: { stdout?: string; stderr?: string }) => {
    const lines = `${error.stdout ?? ''}${error.stderr ?? ''}`.trimEnd().split('\n').slice(-3);
    throw new Error(`pg_amcheck: ${lines.join(' ')}`);
  });
}
