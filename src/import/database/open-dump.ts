import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { systemCode, UserError } from '../../core/errors.ts';
import { exists } from '../../core/files.ts';
import { bindArgs } from '../../docker/mount-args.ts';
import { type DockerStream, streamDocker } from '../../docker/stream.ts';
import { dumpFormat } from '../plan/source.ts';
import { lastLines, type Server, toolArgs } from './server.ts';
import { type Foreign, foreignArgs } from './source-server.ts';

/** A dump as SQL, while it is read. */
export interface OpenDump {
  sql: Readable;
  /** After `sql` has ended. @throws UserError IMPORT_FAILED where what made it failed, so that it may have ended in the middle */
  check(): Promise<void>;
  stop(): void;
}

const WITHOUT = ['--no-owner', '--no-privileges', '--no-publications', '--no-subscriptions'];
const RESTORE = ['pg_restore', '--file=-', ...WITHOUT];

/** Whatever is made by a run of docker. @param what for the error */
function ofDocker(run: DockerStream, what: string): OpenDump {
  const check = async () => {
    const { exitCode, tail } = await run.ended;
    if (exitCode !== 0)
      throw new UserError(
        'IMPORT_FAILED',
        `${what}: ${lastLines(tail)}`,
        'correct it and import again: the running database was not touched',
      );
  };
  return { sql: run.stdout, check, stop: run.stop };
}

/** @throws UserError USAGE where it cannot be read */
export async function openFile(file: string, server: Server): Promise<OpenDump> {
  const found = stated(file);
  if (found.isDirectory()) return openFolder(file, server);
  if (!found.isFile()) throw new UserError('USAGE', `${file} is neither a file nor a folder; nothing was changed`, 'correct its path');
  const failures: unknown[] = [];
  const unpacked = unpack(file, failures);
  const first = await beginning(unpacked);
  const broken = async () => {
    if (failures.length > 0) throw unreadable(file, failures[0]);
  };
  switch (dumpFormat(first)) {
    case 'archive': {
      const run = streamDocker(toolArgs(server, 'none', RESTORE, ['--user', '10002:10002']), server.signal);
      void pipeline(unpacked, run.stdin).catch((error) => {
        // The end of what reads it is told by that itself.
        if (systemCode(error) !== 'EPIPE' && systemCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') failures.push(error);
        run.stdin.destroy();
      });
      const opened = ofDocker(run, `${path.basename(file)} cannot be read`);
      return {
        ...opened,
        check: async () => {
          await opened.check();
          await broken();
        },
      };
    }
    case 'plain':
      return { sql: unpacked, check: broken, stop: () => void unpacked.destroy() };
    default:
      await broken();
      throw new UserError(
        'IMPORT_REFUSED',
        `${file} is empty, or packed twice; nothing was changed`,
        'make the dump again: pg_dump --format=custom',
      );
  }
}

/** `pg_dump --format=directory`: its programs look into several files, so they are given the folder. */
function openFolder(folder: string, server: Server): OpenDump {
  if (!exists(path.join(folder, 'toc.dat')))
    throw new UserError(
      'USAGE',
      `${folder} has no toc.dat: it is no dump of pg_dump --format=directory; nothing was changed`,
      'correct its path',
    );
  const root = process.getuid?.() === 0;
  const user = root ? ['--user', '0:0', '--cap-add', 'DAC_READ_SEARCH'] : ['--user', `${process.getuid?.()}:${process.getgid?.()}`];
  const run = streamDocker(
    toolArgs(server, 'none', [...RESTORE, '/dump'], [...user, ...bindArgs(folder, '/dump', 'readonly')]),
    server.signal,
  );
  run.stdin.end();
  return ofDocker(run, `${path.basename(folder)} cannot be read`);
}

/** A dump that a server makes now, by the programs of its own version where it is in a container. */
export function openServer(foreign: Foreign, server: Server): OpenDump {
  const encoding = /^SQL_ASCII$/i.test(foreign.encoding) ? [] : ['--encoding=UTF8'];
  const argv = [
    'pg_dump',
    '--format=plain',
    ...WITHOUT,
    ...encoding,
    '--lock-wait-timeout=120s',
    '--no-password',
    '--dbname',
    foreign.dbname,
  ];
  const run = streamDocker(foreignArgs(foreign, server, argv), server.signal);
  run.stdin.end(foreign.password === undefined ? '' : `${foreign.password}\n`);
  return ofDocker(run, 'the source cannot be dumped');
}

function stated(file: string) {
  try {
    return statSync(file);
  } catch (error) {
    throw new UserError('USAGE', `${file} cannot be read (${systemCode(error)}); nothing was changed`, 'correct its path', {
      cause: error,
    });
  }
}

const unreadable = (file: string, error: unknown): UserError =>
  new UserError(
    'IMPORT_FAILED',
    `${file} cannot be read to its end: ${(error as Error).message}`,
    'make or copy it again: the running database was not touched',
    { cause: error },
  );

/** The file's contents, unpacked where they are packed. A failure ends the stream, and is told by `failures`. */
function unpack(file: string, failures: unknown[]): Readable {
  const first = Buffer.alloc(512);
  let read = 0;
  try {
    const descriptor = openSync(file, 'r');
    read = readSync(descriptor, first);
    closeSync(descriptor);
  } catch (error) {
    throw new UserError('USAGE', `${file} cannot be read (${systemCode(error)}); nothing was changed`, 'correct its owner or mode', {
      cause: error,
    });
  }
  const raw = createReadStream(file, { highWaterMark: 1024 ** 2 });
  const out = new PassThrough({ highWaterMark: 1024 ** 2 });
  const failed = (error: unknown) => {
    failures.push(error);
    out.end();
  };
  const format = dumpFormat(first.subarray(0, read));
  if (format === 'gzip') void pipeline(raw, createGunzip({ chunkSize: 256 * 1024 }), out).catch(failed);
  else if (format === 'zstd') unzstd(raw, out, failed);
  else void pipeline(raw, out).catch(failed);
  return out;
}

/** By the program of this machine: Node.js has it from version 22.15 on. */
function unzstd(raw: Readable, out: PassThrough, failed: (error: unknown) => void): void {
  const child = spawn('zstd', ['--decompress', '--stdout', '--quiet'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-500);
  });
  child.once('error', () => failed(new Error('zstd is not installed: apt install zstd, or unpack it elsewhere')));
  void pipeline(raw, child.stdin).catch(() => undefined);
  child.stdout.pipe(out, { end: false });
  child.once('close', (code) => (code === 0 ? out.end() : failed(new Error(said.trim() || `zstd ended with status ${code}`))));
}

/** The first bytes, which stay in the stream. */
async function beginning(stream: Readable): Promise<Buffer> {
  for (;;) {
    const piece = stream.read() as Buffer | null;
    if (piece) {
      stream.unshift(piece);
      if (piece.length >= 512 || stream.readableEnded) return piece;
      // A short piece: what follows may not come.
      return piece;
    }
    if (stream.readableEnded) return Buffer.alloc(0);
    await new Promise<void>((resolve) => {
      stream.once('readable', resolve);
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
    if (stream.destroyed) return Buffer.alloc(0);
  }
}
