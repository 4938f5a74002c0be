import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ASK, STAGE, TALK } from '../../../src/import/plan/cache-scripts.ts';
import { until } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** In place of Redis: it answers PING, and ends by SHUTDOWN. The container of the staging server has the real one. */
const SERVER = `#!/usr/bin/env node
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (data) => (String(data).startsWith('SHUTDOWN') ? process.exit(0) : socket.write('+PONG\\r\\n')));
}).listen(port, '127.0.0.1');
`;

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** The scripts of the staging server, in a folder in place of its container. @param seconds after which it ends unasked */
async function world(seconds: number) {
  const dir = temporaryFolder('staging');
  const port = await freePort();
  writeFileSync(path.join(dir, 'redis-server'), SERVER, { mode: 0o755 });
  writeFileSync(path.join(dir, 'redis-cli'), '#!/bin/sh\necho PONG\n', { mode: 0o755 });
  const start = (script: string) => {
    const own = script
      .replaceAll('/tmp/', `${dir}/`)
      .replaceAll('/var/lib/redis', dir)
      .replaceAll('6379', String(port))
      .replace('-gt 60', `-gt ${seconds}`);
    const child = spawn('bash', ['-c', own], {
      env: { ...process.env, PATH: `${dir}:${process.env.PATH}` },
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    running.push(child);
    const state = { ended: false, said: '' };
    child.on('exit', () => {
      state.ended = true;
    });
    child.stdout?.on('data', (data: Buffer) => {
      state.said += data;
    });
    return { child, state };
  };
  return { dir, start };
}

test('a staging server whose import was killed while it loads ends by itself, and not before', async () => {
  const { dir, start } = await world(2);
  const server = start(STAGE);
  server.child.stdin?.end('data');
  await until('it has its data', async () => existsSync(path.join(dir, 'asked')), 10);
  expect(readFileSync(path.join(dir, 'dump.rdb'), 'utf8')).toBe('data');
  // For longer than it would live unasked.
  for (let second = 0; second < 4; second++) {
    const asked = start(ASK);
    await until('it was asked', async () => asked.state.ended, 5);
    expect(asked.state.said).toBe('PONG\n');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(server.state.ended).toBe(false);
  }
  await until('it has ended', async () => server.state.ended, 15);
}, 40_000);

test('a staging server lives as long as the connection of its import, unasked, and ends with it', async () => {
  const { dir, start } = await world(1);
  const server = start(STAGE);
  server.child.stdin?.end('data');
  await until('it has its data', async () => existsSync(path.join(dir, 'asked')), 10);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const talk = start(TALK);
  talk.child.stdin?.write('PING\r\n');
  await until('it answers', async () => talk.state.said.includes('PONG'), 10);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(server.state.ended).toBe(false);
  // What the engine does with the input of one whose client is gone.
  talk.child.stdin?.end();
  await until('it has ended', async () => server.state.ended, 15);
}, 40_000);
