import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import {
  ask,
  audit,
  type Container,
  containers,
  identities,
  type JsonError,
  parsed,
  portal,
  titles,
  upUntil,
} from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SETTINGS = { profile: 'dev-compose' };
const START = /start and wait until healthy/;

let space: Workspace;
let level: 'warn' | 'info' = 'info';

const lock = () => path.join(space.state, 'lock');
const temporary = (found: Container[]) => found.filter(({ name }) => /^[0-9a-f]{12}_/.test(name)).map(({ name }) => name);

/** A change that recreates the application and the database: what can be interrupted in the middle. */
function change(): void {
  level = level === 'info' ? 'warn' : 'info';
  space.configure({ ...SETTINGS, app: { logLevel: level }, postgres: { maxConnections: level === 'info' ? 100 : 90 } });
}

/** The next `up`, without any help: everything is there once, healthy, with the data, and the one after it has nothing to do. */
async function converges(): Promise<Run> {
  const up = await space.run(['up']);
  expect(up.stderr).not.toContain('Error');
  expect(up.status).toBe(0);
  const found = await containers(space.project);
  expect(temporary(found)).toEqual([]);
  expect(found.map(({ service, state, health }) => `${service} ${state} ${health}`)).toEqual(
    ['app-1', 'backup', 'edge', 'postgres', 'redis'].map((name) => `${name} running healthy`),
  );
  expect((await space.run(['exec', 'app', 'printenv', 'LOG_LEVEL'])).stdout.trim()).toBe(level);
  expect(await titles(portal, space)).toEqual(['The General']);
  expect(existsSync(lock())).toBe(false);
  expect((await space.run(['plan'])).status).toBe(0);
  return up;
}

beforeAll(async () => {
  space = await workspace('interrupt');
  space.configure(SETTINGS);
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  await ask(portal, space, 'The General');
});
afterAll(() => space.destroy());

describe('two at once', () => {
  beforeEach(change);

  test('the second up is told who is at work, and changes nothing', async () => {
    let second: Promise<Run> | undefined;
    const first = await upUntil(space, START, () => {
      second = space.run(['up', '--json']);
    });
    expect(first.status).toBe(0);
    const refused = await (second as Promise<Run>);
    expect(refused.status).toBe(1);
    const { error } = parsed<JsonError>(refused);
    expect(error).toMatchObject({ code: 'LOCKED', hint: expect.stringContaining('--wait-lock') });
    expect(error.message).toMatch(/`medianest up --profile dev-compose` by root \(process \d+\) since \d{4}-.*nothing was changed/);
    expect(audit(space).at(-1)).toMatchObject({ result: 'done' });
  });

  test('with --wait-lock it waits, says for whom, and then has nothing to do', async () => {
    let second: Promise<Run> | undefined;
    const first = await upUntil(space, START, () => {
      second = space.run(['up', '--wait-lock=60']);
    });
    expect(first.status).toBe(0);
    const waited = await (second as Promise<Run>);
    expect(waited.status).toBe(0);
    expect(waited.stderr).toMatch(/waiting for `medianest up --profile dev-compose` by root \(process \d+/);
    expect(waited.stdout).toContain('Nothing to do');
  });

  test('down and restart respect the lock, while status, plan and logs do not need it', async () => {
    let others: Promise<Run[]> | undefined;
    const first = await upUntil(space, START, () => {
      others = Promise.all([['down'], ['restart'], ['status'], ['plan'], ['logs', '--tail', '1']].map((args) => space.run(args)));
    });
    expect(first.status).toBe(0);
    const statuses = (await (others as Promise<Run[]>)).map(({ status }) => status);
    expect(statuses.slice(0, 3)).toEqual([1, 1, 0]);
    expect(statuses[3]).toBeOneOf([0, 3]);
    expect(statuses[4]).toBe(0);
    await converges();
  });

  test('a wait for the lock ends in time, and at Ctrl-C', async () => {
    let impatient: Promise<Run> | undefined;
    let interrupted: Promise<Run> | undefined;
    await upUntil(space, START, () => {
      impatient = space.run(['up', '--wait-lock=0.3']);
      interrupted = space.run(['up', '--wait-lock'], { onSpawn: (child) => child.stderr?.once('data', () => child.kill('SIGINT')) });
    });
    expect((await (impatient as Promise<Run>)).status).toBe(1);
    expect((await (interrupted as Promise<Run>)).status).toBe(130);
  });
});

describe('Ctrl-C and a lost terminal during up', () => {
  test.each(['SIGINT', 'SIGHUP'] as const)('%s ends with status 130, without a lock, and the next up converges', async (signal) => {
    change();
    const lines = audit(space).length;
    const stopped = await upUntil(space, /app-1-1 (recreate|recreated|starting)/, (child) => child.kill(signal));
    expect(stopped.acted).toBe(true);
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toContain('interrupted while containers were changed');
    expect(stopped.stderr).toContain('Fix: run the same command again');
    expect(existsSync(lock())).toBe(false);
    expect(audit(space)).toHaveLength(lines + 1);
    expect(audit(space).at(-1)).toMatchObject({ result: 'interrupted', error: 'INTERRUPTED' });
    await converges();
  });

  test('before anything is touched it says so, and nothing was', async () => {
    change();
    const before = await identities(space.project);
    const stopped = await upUntil(space, /write \d+ file/, (child) => child.kill('SIGINT'));
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toContain('nothing that runs was changed');
    expect(await identities(space.project)).toEqual(before);
    await converges();
  });

  test('a pipe that nobody reads any more does not end a change half-way', async () => {
    change();
    const piped = await space.run(['up', '--verbose'], {
      onSpawn: (child) => {
        child.stderr?.destroy();
        child.stdout?.destroy();
      },
    });
    expect(piped.status).toBe(0);
    expect(audit(space).at(-1)).toMatchObject({ result: 'done' });
    expect((await space.run(['plan'])).status).toBe(0);
  });
});

describe('a medianest that was killed', () => {
  test.each([
    ['while it writes', /write \d+ file/],
    ['during a recreate', /app-1-1 recreate/],
    ['when a container was recreated', /app-1-1 recreated/],
    ['while a container starts', /postgres-1 starting/],
    ['while it waits for health', /app-1-1 waiting/],
  ])('%s leaves what the next up takes up', async (_when, word) => {
    change();
    const killed = await upUntil(space, word, (child) => child.kill('SIGKILL'));
    expect(killed.acted).toBe(true);
    expect(killed.status).toBe(null);
    expect(existsSync(lock())).toBe(true);
    const lines = audit(space).length;
    await converges();
    expect(audit(space)[lines]).toMatchObject({ command: 'medianest up --profile dev-compose', result: 'interrupted', error: 'KILLED' });
  });

  test('at any moment of a first start leaves what the next up takes up', async () => {
    for (let i = 0; i < 2; i++) {
      expect((await space.run(['down'])).status).toBe(0);
      const moment = 200 + Math.random() * 3000;
      await space.run(['up'], { onSpawn: (child) => void sleep(moment).then(() => child.kill('SIGKILL')) });
      await converges().catch((error: Error) => {
        throw new Error(`killed after ${Math.round(moment)} ms: ${error.message}`);
      });
    }
  });

  test.each([
    ['the docker client', /postgres-1 recreate/, (pid: number) => process.kill(pid, 'SIGKILL')],
    ['the whole process group of docker compose', /app-1-1 recreate/, (pid: number) => process.kill(-pid, 'SIGKILL')],
  ])('together with %s leaves what the next up takes up', async (_what, word, kill) => {
    change();
    const killed = await upUntil(space, word, (child) => {
      const { pid } = JSON.parse(readFileSync(`${lock()}.child`, 'utf8')) as { pid: number };
      child.kill('SIGKILL');
      kill(pid);
    });
    expect(killed.acted).toBe(true);
    await converges();
  });

  test('the half-made successor of a container is removed, however it was left', async () => {
    const name = `0123456789ab_${space.project}-app-1-1`;
    const labels = JSON.parse(
      (await docker(['inspect', '--format', '{{json .Config.Labels}}', `${space.project}-app-1-1`])).stdout,
    ) as Record<string, string>;
    const args = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
    expect((await docker(['create', '--name', name, ...args, 'debian:trixie-slim', 'true'])).status).toBe(0);
    const before = await identities(space.project);
    expect((await space.run(['plan'])).status).toBe(3);
    await converges();
    expect((await identities(space.project)).postgres).toBe(before.postgres);
  });

  test('a lock that is damaged is reclaimed; one of another machine is told with the file to remove', async () => {
    for (const text of ['', '{"pid":']) {
      writeFileSync(lock(), text);
      expect((await space.run(['up'])).status).toBe(0);
      expect(existsSync(lock())).toBe(false);
    }
    writeFileSync(lock(), JSON.stringify({ pid: 7, started: '1', host: 'elsewhere', user: 'ann', command: 'medianest up', since: 'noon' }));
    const refused = await space.run(['up']);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('by ann on elsewhere (process 7) since noon');
    expect(refused.stderr).toContain(`remove ${lock()}`);
    rmSync(lock());
    expect((await space.run(['up'])).stdout).toContain('Nothing to do');
  });
});
