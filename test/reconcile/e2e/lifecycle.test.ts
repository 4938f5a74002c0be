import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { allWell, jsonLines, type Plan, type Up, volumesOf } from '../../support/shapes.ts';
import {
  ask,
  audit,
  changedServices,
  containers,
  identities,
  type JsonError,
  keepAsking,
  parsed,
  portal,
  ready,
  request,
  titles,
  until,
} from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SERVICES = ['app-1', 'backup', 'edge', 'postgres', 'redis'];

describe('the life of a stack', () => {
  let space: Workspace;
  const settings = { profile: 'dev-compose' };
  const ids = () => identities(space.project);
  const volumes = () => volumesOf(space.project);

  beforeAll(async () => {
    space = await workspace('life');
    space.configure(settings);
  });
  afterAll(() => space.destroy());

  test('a dry run on a bare machine prints the steps and leaves nothing behind', async () => {
    const dry = await space.run(['up', '--dry-run']);
    expect(dry.status).toBe(0);
    expect(dry.stdout).toContain('5 services to change');
    expect(dry.stdout).toContain('- issue certificate edge for localhost');
    const down = await space.run(['down', '--dry-run']);
    expect(down.status).toBe(0);
    expect(down.stdout).toContain('nothing to do');
    expect(await containers(space.project)).toEqual([]);
    expect(existsSync(space.state)).toBe(false);
  });

  test('status, health and logs of what was never started say so', async () => {
    const status = await space.run(['status', '--json']);
    expect(status.status).toBe(0);
    expect(parsed(status)).toMatchObject({ project: space.project, profile: 'dev-compose', state: 'stopped', urls: [] });
    const health = await space.run(['health', '--json']);
    expect(health.status).toBe(5);
    expect(parsed(health)).toMatchObject({ status: 'fail', checks: [{ remedy: 'medianest up' }] });
    const logs = await space.run(['logs', '--json']);
    expect(logs.status).toBe(1);
    expect(parsed<JsonError>(logs).error).toMatchObject({ code: 'NOT_RUNNING', hint: 'medianest up' });
    const down = await space.run(['down']);
    expect(down.status).toBe(0);
    expect(down.stdout).toContain('is not running');
    expect(existsSync(space.state)).toBe(false);
  });

  test('up from nothing ends with a healthy stack, its address and the root to trust', async () => {
    const up = await space.run(['up', '--json']);
    expect(up.stderr).not.toMatch(/Error/);
    expect(up.status).toBe(0);
    const outcome = parsed<Up>(up);
    expect(outcome).toMatchObject({
      project: space.project,
      profile: 'dev-compose',
      result: 'changed',
      urls: [`https://localhost:${space.httpsPort}/`],
    });
    expect(outcome.trust).toBe(path.join(space.state, 'ca', 'root.crt'));
    expect(outcome.changes.map(({ service, action }) => `${service} ${action}`).sort()).toEqual(SERVICES.map((name) => `${name} create`));
    expect((await containers(space.project)).map(({ service, state, health }) => `${service} ${state} ${health}`)).toEqual(
      SERVICES.map((name) => `${name} running healthy`),
    );
  });

  test('the page and the readiness answer over HTTPS with the installation’s root, and HTTP redirects', async () => {
    const page = await portal(space, '/');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.body).toContain('MediaNest');
    await ready(portal, space);
    const plain = await request(`http://127.0.0.1:${space.httpPort}/some?a=1`, { headers: { host: `localhost:${space.httpPort}` } });
    expect(plain.status).toBe(308);
    expect(plain.headers.location).toBe(`https://localhost:${space.httpsPort}/some?a=1`);
    await expect(portal(space, '/', { ca: [] })).rejects.toThrow(/certificate|verify|issuer/i);
  });

  test('a second up changes nothing, says so and leaves no audit line', async () => {
    const before = await ids();
    const lines = audit(space).length;
    const again = await space.run(['up']);
    expect(again.status).toBe(0);
    expect(again.stdout).toContain(`Nothing to do: ${space.project} (dev-compose) runs as planned.`);
    expect(parsed<Up>(await space.run(['up', '--json']))).toMatchObject({ result: 'unchanged', files: [] });
    expect(await ids()).toEqual(before);
    expect(audit(space)).toHaveLength(lines);
    expect(existsSync(path.join(space.state, 'lock'))).toBe(false);
  });

  test('status, health and plan give scripts what they may rely on', async () => {
    const status = parsed<{
      state: string;
      services: { name: string; state: string; health: string; image: string; addresses: Record<string, string> }[];
      urls: string[];
    }>(await space.run(['status', '--json']));
    expect(status).toMatchObject({
      project: space.project,
      profile: 'dev-compose',
      state: 'running',
      urls: [`https://localhost:${space.httpsPort}/`],
    });
    expect(status.services.map((service) => service.name)).toEqual(SERVICES);
    for (const service of status.services) {
      expect(service).toMatchObject({ state: 'running', health: 'healthy', image: expect.stringMatching(/^medianest\/\w+:[0-9a-f]{12}$/) });
      expect(Object.values(service.addresses).every((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address))).toBe(true);
    }
    const health = await space.run(['health', '--json']);
    expect(health.status).toBe(0);
    const report = parsed<{ status: string; checks: { id: string; status: string; message: string }[] }>(health);
    expect(report.status).toBe('ok');
    expect(report.checks.map((check) => `${check.id} ${check.status}`)).toEqual(allWell(SERVICES));
    const plan = await space.run(['plan', '--json']);
    expect(plan.status).toBe(0);
    const { changes, files, profile } = parsed<Plan>(plan);
    expect({ profile, files }).toEqual({ profile: 'dev-compose', files: [] });
    expect(changes.map(({ service, action }) => `${service} ${action}`).sort()).toEqual(SERVICES.map((name) => `${name} keep`));
    for (const change of changes) expect(Object.keys(change).sort()).toEqual(['action', 'cause', 'dataRisk', 'downtime', 'service']);
  });

  test('plan exits 3 after a changed setting, and names the service, the cause and the downtime without touching it', async () => {
    const before = await ids();
    const compose = readFileSync(path.join(space.state, 'current', 'compose.yml'), 'utf8');
    space.configure({ ...settings, app: { logLevel: 'warn' } });
    const plan = await space.run(['plan', '--json']);
    expect(plan.status).toBe(3);
    const { changes, files } = parsed<Plan>(plan);
    expect(changes.filter((change) => change.action !== 'keep')).toEqual([
      {
        service: 'app-1',
        action: 'recreate',
        cause: expect.stringContaining('environment.LOG_LEVEL'),
        downtime: expect.stringContaining('3 s'),
        dataRisk: expect.stringContaining('none'),
      },
    ]);
    expect(files).toEqual([{ path: 'compose.yml', action: 'change' }]);
    const text = await space.run(['plan']);
    expect(text.status).toBe(3);
    expect(text.stdout).toMatch(/~ app-1\s+recreate\s+changed: environment\.LOG_LEVEL\s+downtime: about 3 s/);
    const dry = await space.run(['up', '--dry-run']);
    expect(dry.status).toBe(0);
    expect(dry.stdout).toMatch(/app-1\s+recreate/);
    expect(await ids()).toEqual(before);
    expect(readFileSync(path.join(space.state, 'current', 'compose.yml'), 'utf8')).toBe(compose);
  });

  test('up then recreates that service alone', async () => {
    const before = await ids();
    const up = await space.run(['up']);
    expect(up.status).toBe(0);
    expect(changedServices(before, await ids())).toEqual(['app-1']);
    expect((await space.run(['plan'])).status).toBe(0);
    await ready(portal, space);
  });

  test('a setting of the edge is reloaded in the same container, and no request fails meanwhile', async () => {
    const before = await ids();
    expect((await portal(space, '/')).headers['strict-transport-security']).toBeUndefined();
    space.configure({ ...settings, app: { logLevel: 'warn' }, edge: { hsts: true } });
    const plan = await space.run(['plan', '--json']);
    expect(plan.status).toBe(3);
    expect(parsed<Plan>(plan).changes.filter((change) => change.action !== 'keep')).toMatchObject([
      { service: 'edge', action: 'reload', downtime: 'none' },
    ]);
    const loop = keepAsking(() => portal(space, '/api/health'));
    const up = await space.run(['up']);
    const { asked, failed } = await loop.stop();
    expect(up.status).toBe(0);
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(10);
    expect(await ids()).toEqual(before);
    // nginx starts its new workers shortly after the reload was asked for.
    await until('HSTS is served', async () => (await portal(space, '/')).headers['strict-transport-security'] === 'max-age=63072000', 5);
    expect((await space.run(['plan'])).status).toBe(0);
  });

  test('a setting that concerns two services recreates one and reloads the other', async () => {
    const before = await ids();
    const file = Buffer.from(
      `--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${'a'.repeat(4 * 1024 ** 2)}\r\n--x--\r\n`,
    );
    const headers = { 'content-type': 'multipart/form-data; boundary=x', 'content-length': file.length };
    const upload = async () => (await portal(space, '/api/uploads', { method: 'POST', headers, body: file })).status;
    expect(await upload()).toBe(201);
    space.configure({ ...settings, app: { logLevel: 'warn', uploadLimit: '2m' }, edge: { hsts: true } });
    const up = await space.run(['up', '--json']);
    expect(up.status).toBe(0);
    const actions = Object.fromEntries(parsed<Up>(up).changes.map((change) => [change.service, change.action]));
    expect(actions).toEqual({ 'app-1': 'recreate', backup: 'keep', edge: 'reload', postgres: 'keep', redis: 'keep' });
    expect(changedServices(before, await ids())).toEqual(['app-1']);
    await until('the edge holds to the limit', async () => (await upload()) === 413, 5);
  });

  test('exec hands every argument over whole and passes the exit status through', async () => {
    const words = ['a b', `it's "quoted" $HOME`, '', '*', 'ü\n2'];
    const echoed = await space.run([
      'exec',
      'app',
      'node',
      '-e',
      'process.stdout.write(JSON.stringify(process.argv.slice(1)))',
      '--',
      ...words,
    ]);
    expect(echoed.status).toBe(0);
    expect(JSON.parse(echoed.stdout)).toEqual(words);
    expect((await space.run(['exec', 'app-1', 'sh', '-c', 'exit 7'])).status).toBe(7);
    expect((await space.run(['exec', 'postgres', 'cat'], { input: 'from stdin' })).stdout).toBe('from stdin');
    expect((await space.run(['exec', 'redis', '--', 'echo', 'behind dashes'])).stdout).toBe('behind dashes\n');
    const shell = await space.run(['exec', 'redis'], { input: 'echo from a shell; exit 5\n' });
    expect([shell.status, shell.stdout]).toEqual([5, 'from a shell\n']);
    const flags = await space.run(['exec', 'redis', 'printf', '%s.', '--json', '--help', '-n']);
    expect(flags.stdout).toBe('--json.--help.-n.');
  });

  test('exec and logs of a service that does not exist suggest the one that was meant', async () => {
    for (const command of [
      ['exec', 'postgrse', 'true'],
      ['logs', 'postgrse'],
      ['restart', 'postgrse'],
    ]) {
      const wrong = await space.run(command);
      expect(wrong.status).toBe(2);
      expect(wrong.stderr).toContain('did you mean `postgres`?');
    }
  });

  test('logs show what a service has written, also as JSON', async () => {
    const text = await space.run(['logs', '--tail', '5', 'redis']);
    expect(text.status).toBe(0);
    expect(text.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}redis +info +.*Ready to accept connections/m);
    expect(text.stdout).not.toContain('postgres');
    expect(text.stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(5);
    // At level `warn` the portal may have nothing to say.
    expect((await space.run(['exec', 'app-1', 'sh', '-c', 'echo said by the portal >/proc/1/fd/1'])).status).toBe(0);
    const lines = jsonLines((await space.run(['logs', '--json'])).stdout);
    expect(new Set(lines.map(({ service }) => service))).toEqual(new Set(['app-1', 'edge', 'postgres', 'redis']));
    expect(lines).toContainEqual(
      expect.objectContaining({ service: 'redis', level: 'info', message: expect.stringContaining('Ready to accept') }),
    );
  });

  test('logs take a pattern and a level, and leave out health checks', async () => {
    const found = jsonLines((await space.run(['logs', '--json', '--grep', 'Ready to accept', 'redis', 'postgres'])).stdout);
    expect(found.map(({ service }) => service)).toContain('redis');
    for (const { message } of found) expect(message).toContain('Ready to accept');
    const heavy = jsonLines((await space.run(['logs', '--json', '--level', 'error'])).stdout);
    for (const { level } of heavy) expect(level).toBe('error');
    await portal(space, '/api/health');
    const probes = async (...more: string[]) =>
      jsonLines((await space.run(['logs', '--json', ...more, 'edge'])).stdout).filter(({ fields }) => fields?.path === '/api/health');
    await until('the edge has logged the check', async () => (await probes('--level', 'debug')).length > 0, 10);
    expect(await probes()).toEqual([]);
    expect(await probes('--level', 'info')).toEqual([]);
  });

  test('logs since a moment, or for so long, have nothing that is older', async () => {
    const since = new Date().toISOString();
    expect((await space.run(['exec', 'app-1', 'sh', '-c', 'echo said just now >/proc/1/fd/1'])).status).toBe(0);
    for (const moment of [since, '1h']) {
      const lines = jsonLines((await space.run(['logs', '--json', '--since', moment, 'app'])).stdout);
      expect(lines).toContainEqual(expect.objectContaining({ message: 'said just now' }));
      if (moment === since) for (const { time } of lines) expect(Date.parse(time)).toBeGreaterThanOrEqual(Date.parse(since) - 1000);
    }
    expect(jsonLines((await space.run(['logs', '--json', '--since', since, 'redis'])).stdout)).toEqual([]);
  });

  test.each([['--json'], ['--quiet']])('logs --follow %s ends at Ctrl-C', async (how) => {
    const followed = await space.run(['logs', '--follow', how, 'redis'], {
      onSpawn: (child) => child.stdout?.once('data', () => child.kill('SIGINT')),
    });
    expect(followed.status).toBe(130);
    expect(followed.stdout).toContain('Redis');
    if (how === '--json') expect(jsonLines(followed.stdout)[0]).toMatchObject({ service: 'redis' });
  });

  test('restart keeps the container, gives it a new start and waits for its health', async () => {
    const dry = await space.run(['restart', 'app', '--dry-run']);
    const before = await containers(space.project);
    expect(dry.stdout).toContain('would restart app-1');
    const restarted = await space.run(['restart', 'app', '--json']);
    expect(restarted.status).toBe(0);
    expect(parsed(restarted)).toEqual({ restarted: ['app-1'] });
    const after = await containers(space.project);
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.filter((entry, i) => entry.startedAt !== before[i]?.startedAt).map(({ service }) => service)).toEqual(['app-1']);
    await ready(portal, space);
  });

  test('down keeps the volumes, and the next up has the data', async () => {
    await ask(portal, space, 'The Third Man');
    const kept = await volumes();
    const dry = await space.run(['down', '--dry-run']);
    expect(dry.stdout).toBe('- stop and remove containers and networks\n');
    expect(await containers(space.project)).toHaveLength(SERVICES.length);
    const down = await space.run(['down']);
    expect(down.status).toBe(0);
    expect(down.stdout).toContain('its volumes are kept');
    expect(await containers(space.project)).toEqual([]);
    expect(await volumes()).toEqual(kept);
    expect(parsed(await space.run(['status', '--json']))).toMatchObject({ state: 'stopped', urls: [] });
    const up = await space.run(['up']);
    expect(up.status).toBe(0);
    expect(await titles(portal, space)).toEqual(['The Third Man']);
  });

  test('down --volumes without confirmation is refused and touches nothing', async () => {
    const before = await ids();
    const kept = await volumes();
    for (const args of [
      ['down', '--volumes'],
      ['down', '--volumes', '--yes'],
      ['down', '--volumes', '--no-backup'],
      ['down', '--volumes', '--no-backup', '--json'],
    ]) {
      const refused = await space.run(args);
      expect([args, refused.status]).toEqual([args, 2]);
      expect(refused.stdout + refused.stderr).toContain('nothing was changed');
      expect(refused.stdout + refused.stderr).toContain('--no-backup');
    }
    expect(await ids()).toEqual(before);
    expect(await volumes()).toEqual(kept);
    expect(await titles(portal, space)).toEqual(['The Third Man']);
  });

  test('a container that somebody removed by hand is made again, and the others are left alone', async () => {
    const before = await ids();
    await docker(['rm', '--force', `${space.project}-app-1-1`]);
    const health = await space.run(['health', '--json']);
    expect(health.status).toBe(5);
    expect(parsed(health)).toMatchObject({
      status: 'fail',
      checks: expect.arrayContaining([expect.objectContaining({ id: 'container.app-1', status: 'fail', remedy: 'medianest up' })]),
    });
    expect(parsed(await space.run(['status', '--json']))).toMatchObject({ state: 'partial' });
    expect((await space.run(['up'])).status).toBe(0);
    expect(changedServices(before, await ids())).toEqual(['app-1']);
  });

  test('down --volumes with --yes --no-backup deletes the volumes of this project alone', async () => {
    const bystander = `${space.project}x_keep`;
    await docker(['volume', 'create', bystander]);
    try {
      const down = await space.run(['down', '--volumes', '--yes', '--no-backup']);
      expect(down.status).toBe(0);
      expect(await volumes()).toEqual([]);
      expect((await docker(['volume', 'inspect', bystander])).status).toBe(0);
    } finally {
      await docker(['volume', 'rm', bystander]);
    }
    const again = await space.run(['up']);
    expect(again.status).toBe(0);
    expect(await titles(portal, space)).toEqual([]);
  });

  test('a profile that needs other services removes those that it does not have', async () => {
    const plan = await space.run(['plan', '--json', '--without', 'edge']);
    expect(plan.status).toBe(3);
    expect(parsed<Plan>(plan).changes.find((change) => change.service === 'edge')).toMatchObject({ action: 'remove' });
    expect((await space.run(['up', '--without', 'edge'])).status).toBe(0);
    expect((await containers(space.project)).map(({ service }) => service)).toEqual(['app-1', 'backup', 'postgres', 'redis']);
    expect((await space.run(['plan', '--without', 'edge'])).status).toBe(0);
  });

  test('the audit log has one line for each change, with its result', async () => {
    const lines = audit(space).map(({ command, result }) => `${command.replace(/^medianest /, '')}: ${result}`);
    expect(lines).toEqual([
      'up --profile dev-compose: done',
      'up --profile dev-compose: done',
      'up --profile dev-compose: done',
      'up --profile dev-compose: done',
      'restart app: done',
      'down: done',
      'up --profile dev-compose: done',
      'up --profile dev-compose: done',
      'down --volumes: done',
      'up --profile dev-compose: done',
      'up --profile dev-compose: done',
    ]);
    const shown = await space.run(['audit', '--last', '2', '--json']);
    expect(parsed<{ entries: unknown[] }>(shown).entries).toHaveLength(2);
  });
});
