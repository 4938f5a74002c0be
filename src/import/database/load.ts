import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { UserError } from '../../core/errors.ts';
import { bytes } from '../../core/plural.ts';
import type { Task } from '../../core/reporter.ts';
import { type DockerStream, streamDocker } from '../../docker/stream.ts';
import { type DumpFacts, DumpFilter } from '../plan/dump-filter.ts';
import type { OpenDump } from './open-dump.ts';
import { lastLines, loaderArgs, type Server } from './server.ts';

/** Reads a dump to its end, without a database. @throws UserError IMPORT_FAILED, or as the dump’s `check` */
export async function readDump(dump: OpenDump, encoding: string | undefined, server: Server, task: Task): Promise<DumpFacts> {
  const filter = new DumpFilter(encoding);
  const told = progress(task, undefined);
  try {
    for await (const piece of dump.sql) {
      filter.feed(piece as Buffer);
      told((piece as Buffer).length);
      stopped(server);
    }
  } catch (error) {
    await dump.check();
    throw error;
  }
  filter.end();
  stopped(server);
  await dump.check();
  return filter.facts;
}

/**
 * Loads a dump into a fresh database, as the role of the application: psql knows none of its own commands meanwhile (`\restrict`), so that a
 * dump from elsewhere is SQL and nothing else.
 * @param total bytes that are expected, for the progress @throws UserError IMPORT_FAILED; what was loaded by then is in that database
 */
export async function loadDump(
  dump: OpenDump,
  database: string,
  how: { encoding: string | undefined; total: number | undefined },
  server: Server,
  task: Task | undefined,
): Promise<DumpFacts> {
  const filter = new DumpFilter(how.encoding);
  const psql = streamDocker(loaderArgs(server, database, how.encoding ?? 'UTF8'), server.signal);
  psql.stdout.resume();
  const told = progress(task, how.total);
  let over = false;
  let broken: unknown;
  void psql.ended.then(() => {
    over = true;
    dump.stop();
  });
  const key = randomBytes(24).toString('hex');
  await write(psql, [Buffer.from(`\\restrict ${key}\n`)]);
  try {
    for await (const piece of dump.sql) {
      await write(psql, filter.feed(piece as Buffer));
      told((piece as Buffer).length);
      if (over) break;
    }
    if (!over) await write(psql, filter.end());
  } catch (error) {
    // Of the source: what it says itself comes first.
    if (!over) broken = error;
  }
  stopped(server);
  // What the source says of its own failure comes first: psql has then read a half statement.
  const failure = over ? undefined : ((await saidBy(dump)) ?? broken);
  if (failure) {
    psql.stop();
    await psql.ended;
    throw failure;
  }
  if (!over) await write(psql, [Buffer.from(`\n\\unrestrict ${key}\n`)]);
  psql.stdin.end();
  const { exitCode, tail } = await psql.ended;
  stopped(server);
  if (exitCode !== 0)
    throw new UserError(
      'IMPORT_FAILED',
      `the dump cannot be loaded: ${lastLines(tail)}; the running database was not touched`,
      'correct what it names in the source, and import again',
    );
  if (filter.facts.complete === false)
    throw new UserError('IMPORT_FAILED', 'the dump ends in the middle; the running database was not touched', 'make it again');
  return filter.facts;
}

/** What the source says of its own failure. */
const saidBy = (dump: OpenDump): Promise<unknown> =>
  dump.check().then(
    () => undefined,
    (error: unknown) => error,
  );

async function write({ stdin, ended }: DockerStream, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (stdin.destroyed || stdin.write(piece)) continue;
    await Promise.race([once(stdin, 'drain').catch(() => undefined), ended]);
  }
}

function stopped({ signal }: Server): void {
  if (signal.aborted)
    throw new UserError('INTERRUPTED', 'interrupted; the running database was not touched', 'run the same command again: it starts over');
}

function progress(task: Task | undefined, total: number | undefined): (more: number) => void {
  let passed = 0;
  let shown = 0;
  return (more) => {
    passed += more;
    const now = Date.now();
    if (now - shown < 500) return;
    shown = now;
    task?.detail(total === undefined ? bytes(passed) : `${bytes(passed)} of about ${bytes(total)}`);
  };
}
