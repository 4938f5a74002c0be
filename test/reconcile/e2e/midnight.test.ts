import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, medianest, PROGRAM, run } from '../../support/cli.ts';
import {
  ask,
  background,
  changedServices,
  containers,
  identities,
  type JsonError,
  parsed,
  portal,
  ready,
  titles,
  until,
} from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SETTINGS = { profile: 'dev-compose' };

/** What operators do when something is wrong and nobody is there to ask. */
describe('at midnight', () => {
  let space: Workspace;
  const ids = () => identities(space.project);
  const nothingToDo = async (args: string[] = []) => expect((await space.run(['up', ...args])).stdout).toContain('Nothing to do');

  beforeAll(async () => {
    space = await workspace('midnight');
    space.configure(SETTINGS);
  });
  afterAll(() => space.destroy());

  test('a strict umask hides nothing from the containers and opens nothing to others', async () => {
    const up = await run('sh', ['-c', 'umask 077; exec "$@"', '-', process.execPath, PROGRAM, 'up'], { cwd: space.dir });
    expect(up.stderr).not.toContain('Error');
    expect(up.status).toBe(0);
    await ask(portal, space, 'Vampyr');
    expect((statSync(space.state).mode & 0o777).toString(8)).toBe('700');
    expect((statSync(path.join(space.state, 'secrets.json')).mode & 0o777).toString(8)).toBe('600');
  });

  test('settings of another Compose project in the shell change nothing here', async () => {
    const before = await ids();
    const env = {
      COMPOSE_PROJECT_NAME: 'mt-elsewhere',
      COMPOSE_FILE: '/nowhere.yml',
      COMPOSE_IGNORE_ORPHANS: '1',
      COMPOSE_COMPATIBILITY: '1',
      COMPOSE_PROFILES: 'x',
    };
    expect((await space.run(['up', '--set', 'app.logLevel=warn'], { env })).status).toBe(0);
    expect((await space.run(['restart', 'redis'], { env })).status).toBe(0);
    expect((await space.run(['exec', 'redis', 'true'], { env })).status).toBe(0);
    expect((await space.run(['logs', '--tail', '1', 'redis'], { env })).stdout).toMatch(/^\S+ \S+ +redis +info /);
    expect(changedServices(before, await ids())).toEqual(['app-1', 'redis']);
    expect((await containers(space.project)).map(({ name }) => name)).toEqual(
      ['app-1', 'backup', 'edge', 'postgres', 'redis'].map((name) => `${space.project}-${name}-1`),
    );
    expect(await containers('mt-elsewhere')).toEqual([]);
    expect((await space.run(['up'])).status).toBe(0);
  });

  test('a stopped and a killed container are started again, and the others are left alone', async () => {
    for (const how of ['stop', 'kill']) {
      const before = await containers(space.project);
      expect((await docker([how, `${space.project}-redis-1`])).status).toBe(0);
      const health = parsed<{ checks: { id: string; status: string; remedy?: string }[] }>(await space.run(['health', '--json']));
      expect(health.checks.find(({ id }) => id === 'container.redis')).toMatchObject({ status: 'fail', remedy: expect.any(String) });
      const up = await space.run(['up']);
      expect([how, up.status, up.stderr.includes('Error')]).toEqual([how, 0, false]);
      const after = await containers(space.project);
      expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
      expect(after.every(({ state, health: now }) => state === 'running' && now === 'healthy')).toBe(true);
    }
  });

  test('a paused container is told with the way to let it go on', async () => {
    const redis = `${space.project}-redis-1`;
    expect((await docker(['pause', redis])).status).toBe(0);
    const up = await space.run(['up', '--json', '--timeout', '3']);
    expect([up.status, parsed<JsonError>(up).error.code]).toEqual([5, 'UNHEALTHY']);
    expect(parsed<JsonError>(up).error.hint).toContain(`docker unpause ${redis}`);
    await docker(['unpause', redis]);
    await until('its next check succeeds', async () => (await containers(space.project)).every(({ health }) => health === 'healthy'), 30);
    expect((await space.run(['up'])).status).toBe(0);
  });

  test('a port that was taken while its container was stopped is told with the process', async () => {
    await docker(['stop', `${space.project}-edge-1`]);
    const holder = await background(
      process.execPath,
      ['-e', `require('net').createServer().listen(${space.httpsPort}, '127.0.0.1', () => console.log('ready'))`],
      /ready/,
    );
    try {
      const up = await space.run(['up', '--json']);
      expect([up.status, parsed<JsonError>(up).error.code]).toEqual([1, 'PORT_TAKEN']);
      expect(parsed<JsonError>(up).error.message).toContain(`process ${holder.pid} (node)`);
    } finally {
      await holder.stop();
    }
    expect((await space.run(['up'])).status).toBe(0);
    await ready(portal, space);
  });

  test.each([
    ['secrets.json', 'secrets recover --kit'],
    ['subnets.json', 'free ranges'],
    ['current/manifest.json', 'rendered again'],
  ])('a damaged %s is told by name, and moved aside it costs no data', async (name, without) => {
    const before = await ids();
    const file = path.join(space.state, name);
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 15));
    const up = await space.run(['up', '--json']);
    expect([up.status, parsed<JsonError>(up).error.code]).toEqual([1, 'STATE_DAMAGED']);
    expect(parsed<JsonError>(up).error.message).toContain(file);
    expect(parsed<JsonError>(up).error.hint).toContain(without);
    expect(await ids()).toEqual(before);
    renameSync(file, path.join(space.dir, 'aside'));
    const again = await space.run(['up']);
    expect(again.stderr).not.toContain('Error');
    expect(again.status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Vampyr']);
    await nothingToDo();
  });

  test.each(['config', 'secrets', 'certs'])('a removed folder %s is made again, and containers get to see it', async (folder) => {
    rmSync(path.join(space.state, folder), { recursive: true });
    const up = await space.run(['up', ...(folder === 'config' ? ['--overwrite'] : [])]);
    expect(up.stderr).not.toContain('Error');
    expect(up.status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Vampyr']);
    expect((await space.run(['restart'])).status).toBe(0);
    await ready(portal, space);
    await nothingToDo();
  });

  test('a configuration file that was edited by hand is shown, and does not get lost', async () => {
    const file = path.join(space.state, 'config', 'edge', 'current', 'nginx.conf');
    const written = readFileSync(file, 'utf8');
    writeFileSync(file, `${written}# mine\n`);
    const up = await space.run(['up']);
    expect(up.status).toBe(1);
    expect(up.stderr).toContain('edge/nginx.conf was edited by hand');
    expect(up.stderr).toMatch(/^ *\+# mine$/m);
    expect((await space.run(['up', '--overwrite'])).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(written);
    expect(readFileSync(path.join(space.state, 'edited', 'edge', 'nginx.conf'), 'utf8')).toContain('# mine');
  });

  test('a copy of a secret that a killed run has left is removed with the next change', async () => {
    const left = path.join(space.state, 'secrets', 'redis', '.staging.1');
    mkdirSync(left);
    writeFileSync(path.join(left, 'redis-password'), 'left', { mode: 0o400 });
    expect((await space.run(['up', '--set', 'redis.password=other'])).status).toBe(0);
    expect(existsSync(left)).toBe(false);
    expect((await space.run(['up'])).status).toBe(0);
  });

  test('the state folder is the same one whatever link leads to it, and wherever medianest is called below it', async () => {
    const link = path.join(space.dir, 'link');
    symlinkSync(space.state, link);
    await nothingToDo(['--state', link]);
    const below = path.join(space.dir, 'notes', 'deep');
    mkdirSync(below, { recursive: true });
    expect((await medianest(['up'], { cwd: below })).stdout).toContain('Nothing to do');
  });

  test('a service of the operator’s own in the override is started with the next change and never taken for foreign', async () => {
    const override = path.join(space.state, 'compose.override.yml');
    writeFileSync(
      override,
      'services:\n  side:\n    image: debian:trixie-slim\n    command: [sleep, "600"]\n    networks: [db]\n    init: true\n',
    );
    expect((await space.run(['up', '--set', 'app.logLevel=warn'])).status).toBe(0);
    const before = await ids();
    expect(Object.keys(before)).toContain('side');
    await nothingToDo(['--set', 'app.logLevel=warn']);
    expect(await ids()).toEqual(before);
    rmSync(override);
    expect((await space.run(['up'])).status).toBe(0);
    expect(Object.keys(await ids())).not.toContain('side');
  });

  test('down works whatever stands in the override', async () => {
    const override = path.join(space.state, 'compose.override.yml');
    writeFileSync(override, 'services: [\n');
    expect((await space.run(['down'])).status).toBe(0);
    expect(await containers(space.project)).toEqual([]);
    rmSync(override);
    expect((await space.run(['up'])).status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Vampyr']);
  });

  test('an override may take something away with Compose’s own tags', async () => {
    const override = path.join(space.state, 'compose.override.yml');
    const before = await ids();
    writeFileSync(override, 'services:\n  redis:\n    pids_limit: !reset null\n');
    const up = await space.run(['up']);
    expect(up.status).toBe(0);
    // But for the workspace's own settings, of which one is for another profile.
    const own = /^Warning: medianest\.yml:\d+: allInOne\.port: without effect .*$/gm;
    expect(up.stderr.replace(own, '')).not.toMatch(/warning/i);
    expect(changedServices(before, await ids())).toEqual(['redis']);
    rmSync(override);
    expect((await space.run(['up'])).status).toBe(0);
  });

  test('more replicas and fewer again leave the first one and the data services alone', async () => {
    const before = await ids();
    expect((await space.run(['up', '--set', 'app.replicas=3'])).status).toBe(0);
    expect(Object.keys(await ids())).toEqual(expect.arrayContaining(['app-1', 'app-2', 'app-3']));
    await ready(portal, space);
    expect((await space.run(['up'])).status).toBe(0);
    expect(changedServices(before, await ids()).filter((name) => name !== 'edge')).toEqual([]);
    expect(await titles(portal, space)).toEqual(['Vampyr']);
  });

  test('a folder that was moved with its state runs on from its new place, with the same data', async () => {
    const moved = `${space.dir}-moved`;
    renameSync(space.dir, moved);
    try {
      const up = await medianest(['up'], { cwd: moved });
      expect(up.stderr).not.toContain('Error');
      expect(up.status).toBe(0);
      expect((await medianest(['plan'], { cwd: moved })).status).toBe(0);
    } finally {
      renameSync(moved, space.dir);
    }
    expect((await space.run(['up'])).status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Vampyr']);
  });

  test('a root that was replaced on purpose leads to a certificate that it has signed', async () => {
    rmSync(path.join(space.state, 'ca'), { recursive: true });
    rmSync(path.join(space.state, 'certs', 'edge', 'current'));
    expect((await space.run(['up'])).status).toBe(0);
    await until('the new certificate is served', async () => (await portal(space, '/')).status === 200, 5);
    await nothingToDo();
  });
});
