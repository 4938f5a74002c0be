import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkMedia } from '../../../src/reconcile/media-check.ts';
import type { Mount } from '../../../src/stack/types.ts';

const UID = 10001;
const check = (mount: Partial<Mount>, patienceMs?: number) =>
  checkMedia([{ uid: UID, mounts: [{ source: 'x', target: '/srv/media', kind: 'volume', readOnly: true, ...mount }] }], patienceMs);
const nfs = (server: string, port: number) => ({ nfs: { server, port, export: '/films', options: '' } });

describe('an NFS server', () => {
  const server = net.createServer((socket) => socket.end());
  let port = 0;
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  it('passes when it takes connections, by address and by name', async () => {
    await check(nfs('127.0.0.1', port));
    await check(nfs('localhost', port));
  });

  it('is refused with a remedy when it refuses connections', async () => {
    await expect(check(nfs('127.0.0.2', port))).rejects.toMatchObject({
      code: 'MEDIA_UNREACHABLE',
      message: `the NFS server 127.0.0.2 (media, /films) refuses connections on port ${port}: no NFS server runs there; nothing was changed`,
      hint: expect.stringContaining('start the server or its NFS service'),
    });
  });

  it('is refused after its time when it does not answer', { timeout: 20_000 }, async () => {
    // A stopped process whose queue is full: the kernel drops every further SYN, as a host that is away does.
    const silent = spawn(process.execPath, [
      '-e',
      `const s = require('node:net').createServer(() => {});
       s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => { console.log(s.address().port); process.kill(process.pid, 'SIGSTOP'); });`,
    ]);
    const sockets: net.Socket[] = [];
    try {
      const [line] = await once(silent.stdout, 'data');
      const silentPort = Number(line);
      for (let i = 0; i < 8; i++) sockets.push(net.connect(silentPort, '127.0.0.1').on('error', () => {}));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const started = Date.now();
      await expect(check(nfs('127.0.0.1', silentPort), 700)).rejects.toThrow(
        `does not answer on port ${silentPort} within 0.7 s; nothing was changed`,
      );
      expect(Date.now() - started).toBeLessThan(1500);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.kill('SIGKILL');
    }
  });

  it('is refused when its name is not known', { timeout: 20_000 }, async () => {
    const failed = check(nfs('no-such-host.invalid', port));
    await expect(failed).rejects.toThrow(
      /no-such-host\.invalid \(media, \/films\) (is a name that this host does not know|does not answer)/,
    );
  });
});

describe('a folder', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-media-'));
  afterAll(() => rmSync(root, { recursive: true }));
  const folder = (name: string, mode: number) => {
    mkdirSync(path.join(root, name));
    chmodSync(path.join(root, name), mode);
    return path.join(root, name);
  };
  const bind = (source: string) => check({ kind: 'bind', source });

  it('passes when the container’s user may read it, also below a parent that is closed', async () => {
    const closed = folder('closed', 0o700);
    mkdirSync(path.join(closed, 'open'));
    chmodSync(path.join(closed, 'open'), 0o755);
    await bind(path.join(closed, 'open'));
  });

  it('is refused where that user may not', async () => {
    await expect(bind(folder('private', 0o700))).rejects.toMatchObject({
      code: 'MEDIA_UNREACHABLE',
      message: expect.stringContaining(`private cannot be read by uid ${UID}, as which the container runs; nothing was changed`),
      hint: expect.stringContaining(`setfacl -R -m u:${UID}:rX`),
    });
  });

  it('is refused when it is not there, or no folder', async () => {
    await expect(bind(path.join(root, 'gone'))).rejects.toThrow(/gone does not exist; nothing was changed/);
    writeFileSync(path.join(root, 'film.mkv'), '');
    await expect(bind(path.join(root, 'film.mkv'))).rejects.toThrow(/film\.mkv is not a folder/);
  });

  it('of a named volume is Docker’s own business', async () => {
    await check({ kind: 'volume', source: 'media' });
  });
});
