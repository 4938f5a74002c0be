import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { Context } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { bytes } from '../../core/plural.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { mountArgs } from '../../docker/mount-args.ts';
import { streamDocker } from '../../docker/stream.ts';
import { LABEL } from '../../stack/labels.ts';
import { unreadable } from '../plan/cache-judge.ts';
import { infoFields } from '../plan/cache-nodes.ts';
import { ASK, ELSEWHERE, STAGE, TALK } from '../plan/cache-scripts.ts';
import { type CacheSource, connectArgs, rdbHeader } from '../plan/cache-source.ts';
import { Connection, send } from './resp.ts';

/** Where containers of an import run. */
export interface Bench {
  context: Context;
  docker: DockerCli;
  signal: AbortSignal;
  project: string;
  /** The image of the cache. */
  image: string;
  /** Under the lock of the state folder. */
  locked: boolean;
  password: string | undefined;
  /** The CA of a `rediss:` server, PEM. */
  ca: string | undefined;
}

/** A server of its own that has the data of the source, as they were at one moment. */
export interface Staging {
  connection: Connection;
  /** `Redis 7.0.15`; undefined where the source does not say. */
  server: string | undefined;
  /** Keys that had ended before it was read. */
  ended: number;
  close(): Promise<void>;
}

const POLL_MS = 200;
/** What a server needs beside the data. */
const BESIDE = 96 * 1024 ** 2;

const nameOf = ({ project, locked }: Bench, what: string): string => `${project}-job-import-cache${what}${locked ? '' : `-${process.pid}`}`;

const runArgs = (bench: Bench, name: string, more: readonly string[], argv: readonly string[]): string[] => [
  ...['run', '--rm', '--interactive', '--name', name, '--pull', 'never', '--log-driver', 'none', '--pids-limit', '64'],
  ...['--label', `${LABEL.project}=${bench.project}`, ...(bench.locked ? ['--label', `${LABEL.job}=import-cache`] : [])],
  ...[...HARDENED, '--user', '10003:10003', ...more, '--entrypoint', 'bash', bench.image, '-c', ...argv],
];

/** @throws UserError INTERRUPTED after Ctrl-C, which is why a program ended */
export function refuseAborted({ signal }: Pick<Bench, 'signal'>): void {
  if (signal.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again');
}

/**
 * Reads the source into a server of its own, without a network. The source is only read: a server makes a snapshot, as for a replica.
 * @param room bytes of data that the cache here takes @throws UserError IMPORT_REFUSED where it cannot be read
 */
export async function stage(bench: Bench, source: CacheSource, room: number): Promise<Staging> {
  const opened = source.kind === 'file' ? openFile(source.path, room) : await openServer(bench, source);
  const name = nameOf(bench, '');
  const memory = Math.ceil(room * 1.3) + BESIDE;
  const limits = ['--network', 'none', '--memory', String(memory), '--memory-swap', String(memory)];
  const run = streamDocker(
    runArgs(bench, name, [...limits, ...mountArgs(['type=volume', 'target=/var/lib/redis'])], [STAGE]),
    bench.signal,
  );
  run.stdout.resume();
  const state: { ended?: { exitCode: number; tail: string[] } } = {};
  void run.ended.then((ended) => {
    state.ended = ended;
  });
  const close = async () => {
    run.stdin.destroy();
    // A container that only comes up is not there to be removed yet.
    do await bench.docker.run(['rm', '--force', '--volumes', name], {});
    while (!(await Promise.race([run.ended.then(() => true), sleep(POLL_MS, false)])));
  };
  try {
    const server = await fill(bench, opened, run.stdin, room);
    for (;;) {
      refuseAborted(bench);
      if (state.ended) throw unreadable(state.ended.tail, state.ended.exitCode, memory);
      const { stdout } = await bench.docker.run(['exec', name, 'bash', '-c', ASK], { signal: bench.signal });
      if (stdout.trim() === 'PONG') break;
      await sleep(POLL_MS);
    }
    const talk = streamDocker(['exec', '--interactive', name, 'bash', '-c', TALK], bench.signal);
    const connection = new Connection(talk.stdin, talk.stdout);
    const fields = infoFields(String(await connection.ask('info', 'persistence')));
    return { connection, server, ended: Number(fields.rdb_last_load_keys_expired ?? 0), close };
  } catch (error) {
    await close();
    refuseAborted(bench);
    throw error;
  }
}

/** Data of a source, and what tells afterwards that they are all of it. */
interface Opened {
  data: Readable;
  what: string;
  check(): Promise<void>;
}

/** @returns the server that has made it @throws UserError where the source fails or is none */
async function fill(
  bench: Bench,
  { data, what, check }: Opened,
  input: NodeJS.WritableStream & { end(): void },
  room: number,
): Promise<string | undefined> {
  let had = 0;
  let first = Buffer.alloc(0);
  try {
    for await (const piece of data as AsyncIterable<Buffer>) {
      had += piece.length;
      if (first.length < 512) first = Buffer.concat([first, piece.subarray(0, 512)]);
      if (had > room + BESIDE) throw tooLarge(what, had, room);
      await send(input as import('node:stream').Writable, piece);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    refuseAborted(bench);
    throw new UserError(
      'IMPORT_REFUSED',
      `${what} cannot be read to its end: ${(error as Error).message}; nothing was changed`,
      'make or copy it again',
      { cause: error },
    );
  }
  await check();
  const header = rdbHeader(first);
  if (!header)
    throw new UserError(
      'IMPORT_REFUSED',
      `${what} is no RDB file of Redis; nothing was changed`,
      'name dump.rdb; an append-only file has its own in appendonlydir/*.base.rdb, which is older than the rest',
    );
  input.end();
  return header.server;
}

const tooLarge = (what: string, has: number, room: number): UserError =>
  new UserError(
    'IMPORT_REFUSED',
    `${what} has ${bytes(has)} or more, and the cache takes ${bytes(room)}; nothing was changed`,
    '`cache.memory` in medianest.yml, then medianest up',
  );

function openFile(file: string, room: number): Opened {
  const what = path.basename(file);
  let first: Buffer;
  try {
    const found = statSync(file);
    if (!found.isFile()) throw new UserError('USAGE', `${file} is no file; nothing was changed`, 'name the RDB file in it');
    first = Buffer.alloc(2);
    const descriptor = openSync(file, 'r');
    readSync(descriptor, first);
    closeSync(descriptor);
    const packed = first[0] === 0x1f && first[1] === 0x8b;
    if (!packed && found.size > room + BESIDE) throw tooLarge(what, found.size, room);
    const raw = createReadStream(file, { highWaterMark: 1024 ** 2 });
    if (!packed) return { data: raw, what, check: async () => undefined };
    const data = raw.pipe(createGunzip());
    raw.on('error', (error) => data.destroy(error));
    return { data, what, check: async () => undefined };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('USAGE', `${file} cannot be read (${systemCode(error)}); nothing was changed`, 'correct its path, owner or mode', {
      cause: error,
    });
  }
}

/** A snapshot of a server, by the protocol of replicas. @throws UserError IMPORT_REFUSED */
async function openServer(bench: Bench, source: Exclude<CacheSource, { kind: 'file' }>): Promise<Opened> {
  const what = source.kind === 'container' ? source.container : new URL(source.url).host;
  const network = ['--network', source.kind === 'container' ? `container:${source.container}` : 'host'];
  const elsewhere = (name: string, ...argv: string[]) => {
    const run = streamDocker(
      runArgs(bench, nameOf(bench, name), [...network, '--memory', '128m'], [ELSEWHERE, 'bash', ...connectArgs(source), ...argv]),
      bench.signal,
    );
    run.stdin.end(`${bench.password ?? ''}\n${bench.ca ?? ''}`);
    return run;
  };
  const failed = (said: readonly string[]) => {
    refuseAborted(bench);
    const text =
      said
        .map((line) => line.trim())
        .filter(Boolean)
        .slice(0, 3)
        .join(' | ') || 'no answer';
    return new UserError(
      'IMPORT_REFUSED',
      `${what} cannot be read: ${text}; nothing was changed`,
      /NOAUTH|WRONGPASS|invalid password/i.test(text)
        ? 'its password: --password-file FILE, or REDISCLI_AUTH'
        : /NOPERM|unknown command|SYNC/i.test(text)
          ? 'its user may not replicate (PSYNC): export an RDB file there, and import that'
          : source.kind === 'container'
            ? `is ${what} a running Redis? container:NAME:PORT names another port`
            : 'correct its address, user or password',
    );
  };
  const info = elsewhere('-info', 'info');
  let said = '';
  for await (const piece of info.stdout) said += piece;
  const { exitCode, tail } = await info.ended;
  const fields = infoFields(said);
  if (exitCode !== 0 || fields.redis_version === undefined) throw failed(said.startsWith('#') ? tail : [said, ...tail]);
  if (fields.cluster_enabled === '1')
    throw new UserError(
      'IMPORT_REFUSED',
      `${what} is a node of a cluster, and has a part of the data alone; nothing was changed`,
      'copy the cluster into a single Redis first, and import that',
    );
  if (fields.loading === '1') throw failed(['it still loads its data']);
  const run = elsewhere('-read', '--rdb', '-');
  return {
    data: run.stdout,
    what,
    check: async () => {
      const { exitCode: status, tail: words } = await run.ended;
      if (status !== 0) throw failed(words);
    },
  };
}
