import { chmodSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forwardThrough } from '../../../src/docker/forward.ts';
import { request } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const PATH = process.env.PATH;
let controller: AbortController;
let servers: net.Server[];

beforeEach(() => {
  // Runs on this machine what would run in the container.
  const program = path.join(temporaryFolder('forward'), 'docker');
  writeFileSync(program, '#!/bin/bash\n[ "$1 $2 $3" = "exec --interactive box" ] || exit 9\nshift 3\nexec "$@"\n');
  chmodSync(program, 0o755);
  process.env.PATH = `${path.dirname(program)}:${PATH}`;
  controller = new AbortController();
  servers = [];
});
afterEach(() => {
  controller.abort();
  for (const server of servers) server.close();
  process.env.PATH = PATH;
});

const listening = (server: net.Server) =>
  new Promise<number>((resolve) => {
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

async function forwarded(port: number, listen = 0): Promise<{ port: number; failures: string[]; ended: Promise<void> }> {
  const failures: string[] = [];
  let ended: Promise<void> = Promise.resolve();
  const given = await new Promise<number>((resolve, reject) => {
    ended = forwardThrough({ container: 'box', address: '127.0.0.1', port, listen }, controller.signal, resolve, (why) =>
      failures.push(why),
    );
    ended.catch(reject);
  });
  return { port: given, failures, ended };
}

describe('a page that is passed on', () => {
  it('arrives whole, several at once, whatever its size', async () => {
    const body = 'x'.repeat(3_000_000);
    const inside = await listening(http.createServer((_request, response) => response.end(body)));
    const { port, failures } = await forwarded(inside);
    const answers = await Promise.all(Array.from({ length: 6 }, () => request(`http://127.0.0.1:${port}/`, { timeout: 15_000 })));
    expect(answers.map(({ status, body: got }) => [status, got.length])).toEqual(answers.map(() => [200, body.length]));
    expect(failures).toEqual([]);
  });
  it('takes what a browser sends, and closes with either side', async () => {
    const inside = await listening(
      net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (text) => socket.end(`got ${text}`));
      }),
    );
    const { port } = await forwarded(inside);
    const got = await new Promise<string>((resolve) => {
      let text = '';
      const socket = net.connect(port, '127.0.0.1', () => socket.write('hello'));
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    expect(got).toBe('got hello');
  });
  it('says why it cannot be reached, and goes on', async () => {
    const gone = await listening(net.createServer());
    await new Promise((resolve) => servers[0]?.close(resolve));
    const { port, failures } = await forwarded(gone);
    await expect(request(`http://127.0.0.1:${port}/`, { timeout: 10_000 })).rejects.toThrow();
    expect(failures).toEqual([expect.stringMatching(/refused/i)]);
  });
  it('refuses a port that is taken, and ends by the signal', async () => {
    const taken = await listening(net.createServer());
    await expect(forwarded(1, taken)).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    const { port, ended } = await forwarded(taken);
    controller.abort();
    await ended;
    await expect(request(`http://127.0.0.1:${port}/`, { timeout: 2000 })).rejects.toThrow(/ECONNREFUSED/);
  });
});
