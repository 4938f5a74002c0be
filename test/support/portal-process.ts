import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';

const { PORTAL_TEST_DATABASE_URL, PORTAL_TEST_REDIS_URL } = process.env;
const SERVER = fileURLToPath(new URL('../../templates/app/image/src/server.js', import.meta.url));
export const LIMIT = 1_000_000;

const processes: ChildProcess[] = [];
export const cleanups: (() => unknown)[] = [];

export type Portal = { url: string; port: number; child: ChildProcess; log: () => string; exit: Promise<number | null> };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A portal of the suite's own, on this host, with the stack's PostgreSQL and Redis. */
export async function start(env: Record<string, string> = {}): Promise<Portal> {
  const port = await freePort();
  const uploads = env.UPLOADS_PATH ?? (await mkdtemp(join(tmpdir(), 'portal-')));
  const child = spawn(process.execPath, [SERVER], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      HOST: '127.0.0.1',
      UPLOADS_PATH: uploads,
      UPLOAD_LIMIT_BYTES: String(LIMIT),
      LOG_LEVEL: 'debug',
      DATABASE_URL: PORTAL_TEST_DATABASE_URL,
      REDIS_URL: PORTAL_TEST_REDIS_URL,
      ...env,
    },
  });
  processes.push(child);
  cleanups.push(() => rm(uploads, { recursive: true, force: true }));
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { url: `${env.TLS_CERT_FILE ? 'https' : 'http'}://127.0.0.1:${port}`, port, child, log: () => log, exit };
}

/** The head of a form with one file; more of the file, or the end, may follow. */
export function beginUpload(portal: Portal) {
  const headers = { origin: portal.url, 'content-type': 'multipart/form-data; boundary=b' };
  const upload = request(`${portal.url}/api/uploads`, { method: 'POST', headers });
  upload.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhalf');
  return upload;
}

export const status = async (portal: Portal, path: string) => (await fetch(portal.url + path).catch(() => undefined))?.status;
export const becomes = (portal: Portal, path: string, wanted: number) =>
  vi.waitFor(async () => expect(await status(portal, path)).toBe(wanted), { timeout: 15_000, interval: 100 });

export const moved = (url: string | undefined, to: Partial<URL>) => Object.assign(new URL(url as string), to).href;

/** Stands before a real server, and can be taken away and put back. */
export async function relay(target: string, defaultPort: number) {
  const { hostname, port } = new URL(target);
  const own = await freePort();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const open = async () => {
    server = createServer((near) => {
      const far = connect(Number(port || defaultPort), hostname);
      for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
      near.pipe(far).pipe(near);
    }).listen(own, '127.0.0.1');
    await once(server, 'listening');
  };
  const close = () => {
    server?.close();
    for (const socket of sockets) socket.destroy();
  };
  cleanups.push(close);
  const url = moved(target, { hostname: '127.0.0.1', port: String(own) });
  return { url, open, close };
}

export async function tidy() {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}
