import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { proveMembers } from '../../../src/backup/restore/perform.ts';
import { portalReady } from '../../../src/backup/restore/preview.ts';
import { activate } from '../../../src/certificates/activate.ts';
import { selfSigned } from '../../../src/certificates/ca/self-signed.ts';
import { installedSerial } from '../../../src/certificates/store/install.ts';
import { proveServed } from '../../../src/certificates/store/prove-served.ts';
import { poll } from '../../../src/core/poll.ts';
import { silent } from '../../../src/core/reporter.ts';
import { recovers } from '../../../src/reconcile/unhealthy.ts';
import { acquireLock } from '../../../src/state/lock.ts';
import { StateFolder } from '../../../src/state/state.ts';

const never = new AbortController().signal;

/** A clock that only sleeping moves. */
function fakeTime() {
  let ms = 0;
  return {
    clock: { now: () => new Date(ms) },
    sleep: async (asked: number) => {
      ms += asked;
    },
    passed: () => ms,
  };
}

describe('a poll', () => {
  it('gives the first value, and waits between its probes', async () => {
    const time = fakeTime();
    let probes = 0;
    const value = await poll(() => (++probes === 4 ? 'there' : undefined), { every: 200, timeout: 10_000, signal: never, ...time });
    expect([value, probes, time.passed()]).toEqual(['there', 4, 600]);
  });

  it('takes false for a value', async () => {
    expect(await poll(() => false, { every: 1, timeout: 10, signal: never, ...fakeTime() })).toBe(false);
  });

  it('probes once more at its end, and then gives up', async () => {
    const time = fakeTime();
    let probes = 0;
    const look = () => void probes++;
    expect(await poll(look, { every: 300, timeout: 1000, signal: never, ...time })).toBeUndefined();
    expect([probes, time.passed()]).toEqual([5, 1200]);
  });

  it('probes at least once, even without time', async () => {
    let probes = 0;
    expect(await poll(() => void probes++, { every: 100, timeout: 0, signal: never, ...fakeTime() })).toBeUndefined();
    expect(probes).toBe(1);
  });

  it('throws what its probe throws', async () => {
    const wait = poll(() => Promise.reject(new Error('away')), { every: 1, timeout: 10, signal: never, ...fakeTime() });
    await expect(wait).rejects.toThrow('away');
  });

  it('does not begin where Ctrl-C came before', async () => {
    let probes = 0;
    const wait = poll(() => void probes++, { every: 1, timeout: 10, signal: AbortSignal.abort(), ...fakeTime() });
    await expect(wait).rejects.toMatchObject({ code: 'INTERRUPTED', exitStatus: 130 });
    expect(probes).toBe(0);
  });

  it('ends in its time where the clock is put back by an hour, and does not end at once where it is put forward', async () => {
    for (const hours of [-1, 1]) {
      vi.useFakeTimers({ toFake: ['Date'] });
      try {
        const began = performance.now();
        const jump = () => void vi.setSystemTime(Date.now() + hours * 3_600_000);
        let probes = 0;
        expect(await poll(() => (++probes === 2 ? jump() : undefined), { every: 20, timeout: 200, signal: never })).toBeUndefined();
        expect(performance.now() - began).toBeGreaterThanOrEqual(200);
      } finally {
        vi.useRealTimers();
      }
    }
  }, 5000);

  it('is ended by Ctrl-C between two probes', async () => {
    const stop = new AbortController();
    const wait = poll(() => undefined, { every: 60_000, timeout: 120_000, signal: stop.signal });
    stop.abort();
    await expect(wait).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});

/** Aborts while it waits for what never happens. @returns what it was rejected with, and after how long */
async function stopped(wait: (signal: AbortSignal) => Promise<unknown>) {
  const stop = new AbortController();
  const ended = wait(stop.signal).then(
    () => expect.unreachable('it ended by itself'),
    (error: unknown) => error,
  );
  await delay(100);
  const at = performance.now();
  stop.abort();
  const error = await ended;
  return { error, ms: performance.now() - at };
}

/** The shortest of these waits gives up by itself after ten seconds. */
const PROMPTLY = 5000;

async function endsByCtrlC(wait: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const { error, ms } = await stopped(wait);
  expect(error).toMatchObject({ code: 'INTERRUPTED' });
  expect(ms).toBeLessThan(PROMPTLY);
}

describe('Ctrl-C ends the wait for', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-poll-'));
  const state = new StateFolder(folder);
  let server: tls.Server;
  let port = 0;
  let old = '';
  beforeAll(async () => {
    const issued = await selfSigned.issue({ name: 'edge', subjects: ['localhost'], issuer: 'self-signed', days: 1 }, new Date());
    old = issued.serial;
    server = tls.createServer({ cert: issued.certificate, key: issued.privateKey });
    server.on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as AddressInfo).port;
    mkdirSync(state.at('certs', 'edge'), { recursive: true });
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const spec = { name: 'edge', subjects: ['localhost'], issuer: 'self-signed', days: 1 } as const;
  const stack = () => ({
    project: 'poll',
    networks: [],
    services: [{ name: 'edge', certificate: spec, listeners: [{ port, protocol: 'tls' }], reload: ['true'], mounts: [], secrets: [] }],
  });
  const engine = (more: object = {}) => ({
    observe: async () => [{ service: 'edge', state: 'running', health: 'healthy', addresses: { dmz: '127.0.0.1' }, ports: [], ...more }],
  });
  const given = (value: object) => value as never;
  const serve = (serial: string) => {
    rmSync(state.at('certs', 'edge', 'current'), { force: true });
    symlinkSync(serial, state.at('certs', 'edge', 'current'));
  };

  it('a certificate to be served, after up has issued it', async () => {
    serve('ABCD');
    await endsByCtrlC((signal) => proveServed(state, given(stack()), [given(spec)], given(engine()), signal));
  });

  it('a certificate to be served, after its renewal: the one before is back', async () => {
    serve(old);
    const reloads: string[] = [];
    const docker = {
      run: async () => {
        reloads.push(installedSerial(state, 'edge') ?? '');
        return { exitCode: 0, stdout: '', tail: [] };
      },
    };
    const run = (signal: AbortSignal) => given({ context: { report: silent, signal }, state, stack: stack(), engine: engine(), docker });
    const { error, ms } = await stopped((signal) => activate(run(signal), { certificate: given(spec), reload: ['edge'] }, 'ABCD', old));
    expect(error).toMatchObject({ code: 'INTERRUPTED', message: expect.stringContaining('edge is back at the certificate') });
    expect(ms).toBeLessThan(PROMPTLY);
    expect(reloads).toEqual(['ABCD', old]);
    expect(installedSerial(state, 'edge')).toBe(old);
  });

  it('members to take part after a restore', async () => {
    const room = { bench: { project: 'poll' }, stack: { services: [{ name: 'postgres-1', member: { controller: 'agent' } }] } };
    await endsByCtrlC((signal) => proveMembers(given(room), given({ engine: engine(), context: { report: silent, signal } })));
  });

  it('the portal of a preview', async () => {
    const unready = http.createServer((_request, response) => response.writeHead(503).end());
    await once(unready.listen(0, '127.0.0.1'), 'listening');
    await endsByCtrlC((signal) => portalReady(`http://127.0.0.1:${(unready.address() as AddressInfo).port}/`, signal));
    unready.close();
  });

  it('an answer of the portal of a preview', async () => {
    const silentServer = http.createServer(() => undefined);
    await once(silentServer.listen(0, '127.0.0.1'), 'listening');
    await endsByCtrlC((signal) => portalReady(`http://127.0.0.1:${(silentServer.address() as AddressInfo).port}/`, signal));
    silentServer.closeAllConnections();
    silentServer.close();
  });

  it('a container to become healthy again', async () => {
    await endsByCtrlC((signal) => recovers(given(engine({ health: 'unhealthy' })), 'poll', 60, signal));
  });

  describe('the lock', () => {
    const file = path.join(folder, 'lock');
    const started = (pid: number) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    };
    const take = (signal: AbortSignal) => acquireLock(file, 'medianest up', 60, signal, () => undefined);

    it('that another process holds', async () => {
      const { pid } = process;
      const holder = { pid, started: started(pid), host: os.hostname(), user: 'x', command: 'medianest up', since: 'now' };
      writeFileSync(file, JSON.stringify(holder));
      await endsByCtrlC(take);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(holder);
      rmSync(file);
    });

    it('while the docker compose of a killed medianest still works: the lock is free, and the next run waits for it too', async () => {
      const child: ChildProcess = spawn('bash', ['-c', 'trap "" INT; echo ready; while :; do sleep 0.1; done'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
      const pid = child.pid as number;
      writeFileSync(`${file}.child`, JSON.stringify({ pid, started: started(pid) }));
      await endsByCtrlC(take);
      expect([existsSync(file), existsSync(`${file}.child`)]).toEqual([false, true]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      (await take(never)).release();
    });
  });
});
