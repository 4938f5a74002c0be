import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, PROGRAM, type Run, type RunOptions, run } from '../../support/cli.ts';
import { type Operator, operator } from '../../support/operator.ts';
import { ask, changedServices, containers, identities, parsed, portal, ready, titles } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

/** A part that is searched for: letters and digits, so that no encoding hides it. */
const marker = () => `mark${randomBytes(8).toString('hex')}`;
const AWKWARD = `it's "quoted" $HOME \${PATH} $$ #not a comment 100%41 back\\slash \\n 😀 `;

const inContainer = async (container: string, file: string): Promise<string> => {
  const { status, stdout, stderr } = await docker(['exec', container, 'base64', '-w0', file]);
  if (status !== 0) throw new Error(stderr);
  return Buffer.from(stdout, 'base64').toString('utf8');
};

/** Every command line of this host, and who has it; without the processes that are gone while we look. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    });
}

/** Every file below a folder but those that are there to hold secrets. */
function openFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'secrets' ? [] : openFiles(file);
    return entry.isFile() && entry.name !== 'secrets.json' ? [file] : [];
  });
}

describe('secrets that the operator gives', () => {
  let space: Workspace;
  const markers = { database: marker(), cache: marker(), token: marker() };
  const values = {
    database: `${AWKWARD}\nsecond line ${markers.database}`,
    cache: `${markers.cache}${AWKWARD}\n\nthird ' line`,
    token: `${AWKWARD}${markers.token}`,
  };
  const env = { CACHE_PASSWORD: values.cache };
  const outputs: string[] = [];
  const seen: string[] = [];
  const container = (service: string) => `${space.project}-${service}-1`;

  async function call(args: string[], options: RunOptions = {}): Promise<Run> {
    const done = await space.run(args, { ...options, env });
    outputs.push(done.stdout, done.stderr);
    return done;
  }

  beforeAll(async () => {
    space = await workspace('secrets');
    space.write('database.txt', `${values.database}\n`);
    space.write('token.txt', `${values.token}\r\n`);
    space.configure({
      profile: 'dev-compose',
      postgres: { password: 'file:./database.txt' },
      redis: { password: '${CACHE_PASSWORD}' },
      external: { plex: { url: 'http://127.0.0.1:32400', token: 'file:token.txt' } },
    });
    let going = true;
    const watching = (async () => {
      while (going) {
        seen.push(...commandLines());
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const up = await call(['up', '--verbose']);
    going = false;
    await watching;
    if (up.status !== 0) throw new Error(up.stderr);
    await ask(portal, space, 'M');
  });
  afterAll(() => space.destroy());

  test('arrive byte for byte, whatever is in them', async () => {
    expect(await inContainer(container('postgres'), '/run/secrets/database-password')).toBe(values.database);
    expect(await inContainer(container('redis'), '/run/secrets/redis-password')).toBe(values.cache);
    expect(await inContainer(container('app-1'), '/run/secrets/plex-token')).toBe(values.token);
    const url = new URL(await inContainer(container('app-1'), '/run/secrets/database-url'));
    expect(decodeURIComponent(url.password)).toBe(values.database);
    expect(decodeURIComponent(new URL(await inContainer(container('app-1'), '/run/secrets/redis-url')).password)).toBe(values.cache);
    expect(await titles(portal, space)).toEqual(['M']);
  });

  test('are files of mode 0400 that belong to the uid of their container alone', async () => {
    for (const [service, uid] of [
      ['postgres', 10002],
      ['redis', 10003],
      ['app-1', 10001],
    ] as const) {
      const folder = path.join(space.state, 'secrets', service);
      const found = readdirSync(folder);
      expect(found.length).toBeGreaterThan(0);
      for (const name of found) {
        const { mode, uid: owner } = statSync(path.join(folder, name));
        expect([service, name, (mode & 0o777).toString(8), owner]).toEqual([service, name, '400', uid]);
      }
    }
    expect((statSync(path.join(space.state, 'secrets.json')).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(space.state).mode & 0o777).toString(8)).toBe('700');
  });

  test('show nowhere: not in Docker’s own records, the logs, command lines, outputs, files or images', async () => {
    const label = `label=com.docker.compose.project=${space.project}`;
    const ids = async (args: string[]) => (await docker([...args, '--quiet', '--filter', label])).stdout.split('\n').filter(Boolean);
    const haystacks: Record<string, string[]> = { 'a command line during up': seen, 'a command line afterwards': commandLines() };
    const found = await containers(space.project);
    expect(found).toHaveLength(5);
    haystacks['docker inspect of a container'] = [(await docker(['inspect', ...found.map(({ id }) => id)])).stdout];
    haystacks['docker inspect of a network'] = [(await docker(['network', 'inspect', ...(await ids(['network', 'ls']))])).stdout];
    haystacks['docker inspect of a volume'] = [(await docker(['volume', 'inspect', ...(await ids(['volume', 'ls']))])).stdout];
    haystacks['docker logs'] = await Promise.all(
      found.map(async ({ id }) => docker(['logs', id]).then(({ stdout, stderr }) => stdout + stderr)),
    );
    const images = new Set(parsed<{ services: { image: string }[] }>(await call(['status', '--json'])).services.map(({ image }) => image));
    haystacks['image history'] = await Promise.all(
      [...images].map(async (image) => (await docker(['history', '--no-trunc', image])).stdout),
    );
    for (const command of [
      'up',
      'plan',
      'status',
      'health',
      'config show',
      'config validate',
      'secrets list',
      'render',
      'audit',
      'images build',
    ]) {
      for (const flags of [[], ['--json'], ['--verbose'], ['--json', '--dry-run']]) {
        const { status } = await call([...command.split(' '), ...flags]);
        expect([command, flags, status]).toEqual([command, flags, 0]);
      }
    }
    await call(['config', 'validate', '--set', 'redis.pasword=${CACHE_PASSWORD}', '--json']);
    haystacks['an output'] = outputs;
    haystacks['a file'] = openFiles(space.state).map((file) => readFileSync(file, 'utf8'));
    for (const [where, texts] of Object.entries(haystacks)) {
      expect([where, texts.length > 0 && texts.every((text) => typeof text === 'string') && texts.join('').length > 0]).toEqual([
        where,
        true,
      ]);
      for (const [name, secret] of Object.entries(markers)) {
        expect([where, name, texts.some((text) => text.includes(secret))]).toEqual([where, name, false]);
      }
    }
    // The search itself can find: the markers are where they belong.
    expect(readFileSync(path.join(space.state, 'secrets.json'), 'utf8')).toContain(markers.database);
    expect(seen.some((line) => line.includes(PROGRAM))).toBe(true);
  });

  test('are listed by name, origin and reader, never by value', async () => {
    const { secrets } = parsed<{ secrets: { name: string; origin: string; services: string[] }[] }>(
      await call(['secrets', 'list', '--json']),
    );
    expect(secrets.find(({ name }) => name === 'database-password')).toMatchObject({ origin: 'given', services: ['postgres'] });
    expect(secrets.find(({ name }) => name === 'plex-token')).toMatchObject({ origin: 'given', services: ['app-1'] });
  });

  test('recreate exactly their users when they change, and the data stays', async () => {
    const before = await identities(space.project);
    space.write('database.txt', `new ${AWKWARD}`);
    const plan = await call(['plan', '--json']);
    expect(plan.status).toBe(3);
    const changes = parsed<{ changes: { service: string; action: string; cause: string }[] }>(plan).changes.filter(
      ({ action }) => action !== 'keep',
    );
    expect(changes.map(({ service, action }) => `${service} ${action}`).sort()).toEqual(['app-1 recreate', 'postgres recreate']);
    expect(changes.every(({ cause }) => cause.includes('secret'))).toBe(true);
    const up = await call(['up']);
    expect(up.status).toBe(0);
    expect(changedServices(before, await identities(space.project))).toEqual(['app-1', 'postgres']);
    expect(await inContainer(container('postgres'), '/run/secrets/database-password')).toBe(`new ${AWKWARD}`);
    expect((await containers(space.project)).every(({ health }) => health === 'healthy')).toBe(true);
    expect(await titles(portal, space)).toEqual(['M']);
    expect((await call(['plan'])).status).toBe(0);
  });

  test('that cannot be resolved are told by path and line, and nothing is touched', async () => {
    const before = await identities(space.project);
    const missing = await space.run(['up'], { env: { CACHE_PASSWORD: undefined } });
    expect(missing.status).toBe(2);
    expect(missing.stderr).toMatch(/medianest\.yml:\d+: redis\.password: the environment has no CACHE_PASSWORD/);
    expect(await identities(space.project)).toEqual(before);
  });
});

describe('a user in the docker group who is not root', () => {
  let space: Workspace;
  let owner: Operator;
  const as = (args: readonly string[]) => owner.run(args);

  beforeAll(async () => {
    space = await workspace('operator');
    space.configure({ profile: 'dev-compose' });
    owner = await operator(`${PREFIX}-operator`, space);
  });
  afterAll(async () => {
    await space.destroy();
    await owner?.remove();
  });

  test('can run the stack, and the secret files have the uid of their container', async () => {
    const up = await as(['up']);
    expect(up.stderr).not.toContain('Error');
    expect(up.status).toBe(0);
    await ready(portal, space);
    for (const [file, uid] of [
      ['secrets/postgres/database-password', 10002],
      ['secrets/redis/redis-password', 10003],
      ['secrets/app-1/database-url', 10001],
      ['certs/edge/current/privkey.pem', 10004],
    ] as const) {
      const { mode, uid: owner } = statSync(path.join(space.state, file));
      expect([file, (mode & 0o777).toString(8), owner]).toEqual([file, '400', uid]);
    }
    expect((await as(['up'])).stdout).toContain('Nothing to do');
  });

  test('can change a password and take the stack down', async () => {
    const before = await identities(space.project);
    expect((await as(['up', '--set', 'redis.password=another one'])).status).toBe(0);
    expect(changedServices(before, await identities(space.project))).toEqual(['app-1', 'redis']);
    await ready(portal, space);
    expect((await as(['down', '--volumes', '--yes', '--no-backup'])).status).toBe(0);
    expect(await containers(space.project)).toEqual([]);
  });

  test('is told how to get the permission when the group is missing', async () => {
    const refused = await run(
      'setpriv',
      [`--reuid=${owner.uid}`, `--regid=${owner.uid}`, '--clear-groups', process.execPath, PROGRAM, 'status', '--json'],
      { cwd: space.dir, env: { HOME: path.join(space.dir, 'home') } },
    );
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('ENGINE_PERMISSION');
    expect(refused.stdout).toContain('usermod -aG docker');
  });
});
