import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, HOME, type Run } from '../../support/cli.ts';
import { kinds, loadOn, under } from '../../support/load/load.ts';
import { destroyProd, inspect, portalImage, said } from '../../support/load/load-stack.ts';
import { containers, parsed, portal, until } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

/*
 * One application in three processes, as a portal has them: pages on 3000, an API and its WebSocket on 4000, and a worker without a
 * port. The stack is that of staging, with one server each for database and cache.
 */

const image = (version: string) => `${PREFIX}-processes/app:${version}`;
const VERSIONS = ['one', 'two', 'bad'];
const OFF = ['patroni', 'etcd', 'db-router', 'redis-cluster', 'agent', 'engine-proxy', 'cdn', 'backup'];

let space: Workspace;

const run = (role: string) => ['node', '/processes.cjs', role];
const ready = { readyPath: '/api/ready', ready: { statuses: [200, 429] }, health: { get: '/api/alive', intervalSeconds: 2 } };
const configure = (worker: Record<string, unknown> = {}) =>
  space.configure({
    profile: 'staging',
    components: { ...Object.fromEntries(OFF.map((name) => [name, false])), postgres: true, redis: true },
    edge: { address: '127.0.0.1', rateLimit: false, connections: 0, waf: { mode: 'off' } },
    app: {
      ...{ image: image('one'), command: run('frontend'), replicas: 2, settleSeconds: 1, drainSeconds: 10, after: ['backend'], ...ready },
      env: { DATABASE_URL: '{database.url}', REDIS_URL: '{cache.url}' },
    },
    services: {
      backend: { command: run('backend'), port: 4000, replicas: 2, paths: ['/api', '/socket.io'], sticky: true, ...ready },
      worker: { command: run('worker'), after: ['app'], stop: { seconds: 20 }, ...worker },
    },
  });

const must = async (...args: string[]): Promise<Run> => {
  const done = await space.run(args);
  expect(done.status, `${args.join(' ')}: ${said(done)}`).toBe(0);
  return done;
};
const ask = async <T>(url: string, method = 'GET'): Promise<T> => {
  const { status, body } = await portal(space, url, { method });
  expect([200, 202], `${url}: ${body}`).toContain(status);
  return JSON.parse(body) as T;
};
/** Containers of the application, and which version each of them runs. */
const versions = async (): Promise<Record<string, string>> => {
  const names = (await containers(space.project)).map(({ service }) => service).filter((name) => /^(app|backend|worker)-\d/.test(name));
  const found = names.map(async (name) => {
    const environment = await inspect(space, name, '{{join .Config.Env "\\n"}}');
    return [name, /^VERSION=(.*)$/m.exec(environment)?.[1] ?? ''] as const;
  });
  return Object.fromEntries(await Promise.all(found));
};
const all = (version: string) =>
  Object.fromEntries(['app-1', 'app-2', 'backend-1', 'backend-2', 'worker-1'].map((name) => [name, version]));
/** Queues a job, and waits until the worker has it in hand. */
const inHand = async (id: string, seconds: number): Promise<void> => {
  await ask(`/api/jobs?id=${id}&seconds=${seconds}`, 'POST');
  await until(`a worker has ${id} in hand`, async () => said(await space.run(['logs', 'worker'])).includes(`has job ${id} in hand`), 20);
};
const done = (id: string) => ask<{ worker: string; version: string }[]>(`/api/done?id=${id}`);

async function undisturbed<T>(act: () => Promise<T>): Promise<T> {
  const { result, report } = await under(await loadOn(space, { rate: 50, paths: ['/', '/api/version'], postEvery: 0 }), async () => {
    const answer = await act();
    await sleep(500);
    return answer;
  });
  expect(kinds(report.failures)).toEqual({});
  expect([report.failed, report.sent > 100]).toEqual([0, true]);
  return result;
}

/** Which replica a WebSocket leads to. */
const upgraded = (url: string): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const call = https.request(`https://localhost:${space.httpsPort}${url}`, {
      ...{ family: 4, agent: false, ca: readFileSync(path.join(space.state, 'ca', 'root.crt')) },
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    });
    call.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.headers['x-replica'] as string | undefined);
    });
    call.on('response', (response) => reject(new Error(`no upgrade: ${response.statusCode}`)));
    call.on('error', reject);
    call.end();
  });

beforeAll(async () => {
  space = await workspace('processes');
  const base = await portalImage(space);
  for (const version of VERSIONS) {
    const args = ['--build-arg', `PORTAL=${base}`, '--build-arg', `VERSION=${version}`, '--tag', image(version)];
    const built = await docker(['build', '--quiet', ...args, path.join(HOME, 'test/support/processes')]);
    expect(built.status, built.stderr).toBe(0);
  }
  configure();
  await must('up');
}, 400_000);
afterAll(async () => {
  await destroyProd(space);
  for (const version of VERSIONS) await docker(['image', 'rm', '--force', image(version)]);
});

describe('an application of three processes', () => {
  test('has each request answered by the process that it is for', async () => {
    const roles = await Promise.all(['/', '/apiary', '/api', '/api/x?y', '/socket.io/'].map((url) => ask<{ role: string }>(url)));
    expect(roles.map(({ role }) => role)).toEqual(['frontend', 'frontend', 'backend', 'backend', 'backend']);
    expect(await upgraded('/socket.io/?transport=websocket')).toMatch(/^backend-\d$/);
    const forged = await portal(space, '/', { headers: { 'x-medianest-process': 'backend', connection: 'close' } });
    expect(JSON.parse(forged.body)).toMatchObject({ role: 'frontend' });
  });

  test('is in the networks that each process needs, and all of it is well', async () => {
    const networks = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}';
    const [backend, worker] = await Promise.all(['backend-1', 'worker-1'].map((name) => inspect(space, name, networks)));
    expect([backend, worker]).toEqual([`${space.project}_app ${space.project}_db`, `${space.project}_db`]);
    const health = await space.run(['health', '--json']);
    const { checks } = parsed<{ checks: { id: string; status: string; message: string }[] }>(health);
    expect(checks.filter(({ id }) => id.startsWith('replicas'))).toMatchObject([
      { id: 'replicas', status: 'ok' },
      { id: 'replicas.backend', status: 'ok', message: 'backend: 2 of 2 replicas serve visitors' },
    ]);
    expect((await must('status')).stdout).toMatch(/backend +2\/2[\s\S]*worker +1\/1/);
    expect((await must('plan')).stdout).toContain('Nothing to do');
  });

  test('is deployed as one release, in order, and a job in hand is finished', async () => {
    await inHand('long', 12);
    const deploy = await undisturbed(() => space.run(['deploy', '--image', image('two'), '--json']));
    expect(deploy.status, said(deploy)).toBe(0);
    expect(await versions()).toEqual(all('two'));
    expect(await done('long')).toEqual([{ id: 'long', worker: 'worker-1', version: 'one' }]);
    const started = await Promise.all(
      ['backend-2', 'app-1', 'app-2', 'worker-1'].map((name) => inspect(space, name, '{{.State.StartedAt}}')),
    );
    expect(started).toEqual([...started].sort());
  });

  test('is rolled back together', async () => {
    const rollback = await undisturbed(() => space.run(['rollback', '--json']));
    expect(rollback.status, said(rollback)).toBe(0);
    expect(await versions()).toEqual(all('one'));
  });

  test('goes back as a whole where one process never becomes ready', async () => {
    const deploy = await undisturbed(() => space.run(['deploy', '--image', image('bad'), '--json', '--timeout', '10']));
    expect([deploy.status, parsed(deploy)]).toMatchObject([1, { result: 'reverted', error: { code: 'UNHEALTHY' } }]);
    expect(await versions()).toEqual(all('one'));
    expect((await must('plan')).stdout).toContain('Nothing to do');
  });

  test('goes back as a whole where the deploy was killed half-way', async () => {
    let killed = false;
    await space.run(['deploy', '--image', image('two'), '--verbose'], {
      onSpawn: (child) => {
        let seen = '';
        child.stderr?.on('data', (chunk: Buffer) => {
          seen += chunk;
          if (!killed && /app-1/.test(seen)) killed = child.kill('SIGKILL');
        });
      },
    });
    expect([killed, (await versions())['backend-1']]).toEqual([true, 'two']);
    await must('up');
    expect(await versions()).toEqual(all('one'));
  });

  test('is scaled process by process, and restarted without a failed request', async () => {
    await undisturbed(async () => {
      await must('scale', 'backend=3');
      await must('scale', 'worker=2');
    });
    expect(Object.keys(await versions())).toEqual(['app-1', 'app-2', 'backend-1', 'backend-2', 'backend-3', 'worker-1', 'worker-2']);
    await undisturbed(async () => {
      await must('scale', 'backend=2');
      await must('restart', 'backend');
    });
    await must('scale', 'worker=1');
    await inHand('short', 8);
    await must('restart', 'worker');
    expect(await done('short')).toEqual([{ id: 'short', worker: 'worker-1', version: 'one' }]);
    expect(await versions()).toEqual(all('one'));
    const unknown = await space.run(['scale', 'frontend=2', '--json']);
    expect([unknown.status, parsed(unknown)]).toMatchObject([2, { error: { message: expect.stringContaining('backend=COUNT') } }]);
  });

  test('has a worker killed that does not end in its time, and tells so', async () => {
    configure({ stop: { seconds: 2 }, env: { STUBBORN: '1' } });
    await must('up');
    await inHand('stubborn', 60);
    const restart = await must('restart', 'worker');
    expect(said(restart)).toContain('worker-1 was killed: it had not ended 2 s after its signal');
    expect(await done('stubborn')).toEqual([]);
  });
});
