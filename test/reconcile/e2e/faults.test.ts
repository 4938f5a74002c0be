import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, run } from '../../support/cli.ts';
import { ask, audit, changedServices, containers, identities, type JsonError, portal, titles } from '../../support/stack.ts';
import { removeProject, type Workspace, workspace } from '../../support/workspace.ts';

const refusal = (stdout: string) => (JSON.parse(stdout) as JsonError).error;

describe('what cannot work', () => {
  let space: Workspace;
  const BASE = 'mt-fault-base:1';
  const settings = { profile: 'dev-compose' };
  let before: Record<string, string>;
  const untouched = async () => expect(await identities(space.project)).toEqual(before);
  const override = (text: string) => writeFileSync(path.join(space.state, 'compose.override.yml'), text);

  beforeAll(async () => {
    space = await workspace('broken');
    space.configure(settings);
    const up = await space.run(['up']);
    if (up.status !== 0) throw new Error(up.stderr);
    await ask(portal, space, 'Safety Last');
    before = await identities(space.project);
  });
  afterAll(async () => {
    await space.destroy();
    await docker(['image', 'rm', '--force', BASE]);
  });

  test('an image that cannot be built is told with the build’s last lines, and what runs goes on', async () => {
    writeFileSync(path.join(space.dir, 'empty'), 'no system\n');
    expect((await run('sh', ['-c', `tar -c -C "$1" empty | docker import - ${BASE}`, '-', space.dir])).status).toBe(0);
    space.configure({ ...settings, images: { base: BASE } });
    const up = await space.run(['up', '--json']);
    expect(up.status).toBe(1);
    expect(refusal(up.stdout)).toMatchObject({ code: 'BUILD_FAILED' });
    expect(refusal(up.stdout).message).toMatch(
      /image medianest\/\w+:[0-9a-f]{12} cannot be built; nothing was changed, running services continue/,
    );
    expect(refusal(up.stdout).message).toContain('apt-get');
    await untouched();
    expect(audit(space).at(-1)).toMatchObject({ result: 'failed', error: 'BUILD_FAILED' });
  });

  test('a base image that is nowhere is told by name, with the way to make one', async () => {
    space.configure({ ...settings, images: { base: 'localhost:1/none:1' } });
    const up = await space.run(['up', '--json']);
    expect(up.status).toBe(1);
    expect(refusal(up.stdout)).toMatchObject({ code: 'IMAGE_MISSING', hint: expect.stringContaining('images.base') });
    expect(refusal(up.stdout).message).toContain('localhost:1/none:1');
    await untouched();
  });

  test('an own image that is not here and cannot be pulled is told by name', async () => {
    space.configure({ ...settings, app: { image: 'localhost:1/mine:2' } });
    const up = await space.run(['up', '--json']);
    expect(up.status).toBe(1);
    expect(refusal(up.stdout)).toMatchObject({ code: 'IMAGE_MISSING', hint: expect.stringContaining('docker load') });
    expect(refusal(up.stdout).message).toContain('localhost:1/mine:2');
    await untouched();
  });

  test.each([
    ['bad YAML', 'services: [\n', 2, 'BAD_YAML'],
    ['a list', '- services\n', 2, 'BAD_YAML'],
    ['an unknown key', 'services: { redis: { memmory: 1g } }\n', 1, 'COMPOSE_REFUSED'],
  ])('an override with %s is refused by its name before anything changes', async (_what, text, status, code) => {
    space.configure({ ...settings, app: { logLevel: 'warn' }, postgres: { password: 'another' } });
    const rendered = readFileSync(path.join(space.state, 'current', 'compose.yml'), 'utf8');
    const secret = readFileSync(path.join(space.state, 'secrets', 'postgres', 'database-password'), 'utf8');
    override(text);
    const up = await space.run(['up', '--json']);
    expect([up.status, refusal(up.stdout).code]).toEqual([status, code]);
    expect(refusal(up.stdout).message + refusal(up.stdout).hint).toContain('compose.override.yml');
    await untouched();
    expect(readFileSync(path.join(space.state, 'current', 'compose.yml'), 'utf8')).toBe(rendered);
    // What a running container reads is not exchanged under it either.
    expect(readFileSync(path.join(space.state, 'secrets', 'postgres', 'database-password'), 'utf8')).toBe(secret);
    space.configure(settings);
  });

  test('a good override changes its service alone, survives the next up, and its removal is noticed', async () => {
    space.configure(settings);
    override('services:\n  redis:\n    environment: { NOTE: "kept" }\n');
    const plan = await space.run(['plan']);
    expect(plan.status).toBe(3);
    expect(plan.stdout).toMatch(/redis\s+recreate.*compose\.override\.yml/);
    expect((await space.run(['up'])).status).toBe(0);
    expect(changedServices(before, await identities(space.project))).toEqual(['redis']);
    expect((await space.run(['exec', 'redis', 'printenv', 'NOTE'])).stdout).toBe('kept\n');
    expect((await space.run(['up', '--set', 'app.logLevel=warn'])).status).toBe(0);
    expect((await space.run(['exec', 'redis', 'printenv', 'NOTE'])).stdout).toBe('kept\n');
    override('');
    expect((await space.run(['up'])).status).toBe(0);
    expect((await space.run(['exec', 'redis', 'printenv', 'NOTE'])).status).toBe(1);
    before = await identities(space.project);
  });

  test('a file that was edited by hand stops up with the difference, and --overwrite keeps the edit aside', async () => {
    const file = path.join(space.state, 'current', 'compose.yml');
    const written = readFileSync(file, 'utf8');
    writeFileSync(file, written.replace(/^name: .*$/m, '$& # mine'));
    const up = await space.run(['up']);
    expect(up.status).toBe(1);
    expect(up.stderr).toContain('compose.yml was edited by hand; nothing was changed');
    expect(up.stderr).toMatch(/^ *-name: /m);
    expect(up.stderr).toMatch(/^ *\+name: .* # mine$/m);
    expect(up.stderr).toContain('--overwrite');
    expect((await space.run(['plan'])).status).toBe(3);
    await untouched();
    expect((await space.run(['up', '--overwrite'])).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(written);
    expect(readFileSync(path.join(space.state, 'edited', 'compose.yml'), 'utf8')).toContain('# mine');
    await untouched();
    expect((await space.run(['plan'])).status).toBe(0);
  });

  test.each([
    ['ends at once', ['sh', '-c', 'echo cannot find my database; exit 1'], 'cannot find my database'],
    ['never listens', ['sh', '-c', 'echo thinking about it; exec sleep 300'], 'thinking about it'],
  ])('an application that %s is named with its last lines, and the way back is an up', async (_what, command, line) => {
    space.configure({ ...settings, app: { image: 'debian:trixie-slim', command } });
    const up = await space.run(['up', '--timeout', '8', '--json']);
    expect(up.status).toBe(5);
    expect(refusal(up.stdout)).toMatchObject({ code: 'UNHEALTHY', hint: expect.stringContaining('medianest logs app-1') });
    expect(refusal(up.stdout).message).toContain('app-1 is not healthy');
    expect(refusal(up.stdout).message).toContain(line);
    expect(refusal(up.stdout).message).not.toContain('postgres is not healthy');
    expect(audit(space).at(-1)).toMatchObject({ result: 'failed', error: 'UNHEALTHY' });
    expect((await space.run(['health', '--json'])).status).toBeOneOf([0, 5]);
    space.configure(settings);
    const back = await space.run(['up']);
    expect(back.status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Safety Last']);
    expect(changedServices(before, await identities(space.project))).toEqual(['app-1']);
    before = await identities(space.project);
  });

  const lifeOf = async (service: string) => {
    const status = JSON.parse((await space.run(['status', '--json'])).stdout) as { services: { name: string; restarts?: number }[] };
    const health = await space.run(['health', '--json']);
    const { checks } = JSON.parse(health.stdout) as { checks: { id: string; status: string; message: string }[] };
    return {
      restarts: status.services.find(({ name }) => name === service)?.restarts,
      check: checks.find(({ id }) => id === `container.${service}`),
      status: health.status,
    };
  };
  const inspected = async (format: string) => (await docker(['inspect', '--format', format, `${space.project}-app-1-1`])).stdout.trim();

  test('an application that dies after its first answer is not reported as up, and health says that it loops', async () => {
    const image = await inspected('{{.Config.Image}}');
    const script =
      'require("http").createServer((q, s) => { s.end("ok"); setTimeout(() => { console.log("no more answers"); process.exit(1); }, 1000); })' +
      '.listen(process.env.PORT)';
    space.configure({ ...settings, app: { image, command: ['node', '-e', script] } });
    const up = await space.run(['up', '--json']);
    expect(up.status).toBe(5);
    expect(refusal(up.stdout)).toMatchObject({ code: 'UNHEALTHY', hint: expect.stringContaining('medianest logs app-1') });
    expect(refusal(up.stdout).message).toMatch(/app-1 (ends again and again|is not healthy)[\s\S]*no more answers/);
    await expect.poll(async () => (await lifeOf('app-1')).restarts ?? 0, { timeout: 60_000 }).toBeGreaterThan(3);
    expect(await lifeOf('app-1')).toMatchObject({ status: 5, check: { status: 'fail' } });
    space.configure(settings);
    expect((await space.run(['up'])).status).toBe(0);
    expect(await lifeOf('app-1')).toMatchObject({ restarts: undefined, check: { status: 'ok' }, status: 0 });
    before = await identities(space.project);
  });

  test('a container that crashed once is counted by status, and health warns of it', async () => {
    process.kill(Number(await inspected('{{.State.Pid}}')), 'SIGKILL');
    await expect.poll(() => inspected('{{.State.Health.Status}} {{.RestartCount}}'), { timeout: 60_000 }).toBe('healthy 1');
    const { restarts, check, status } = await lifeOf('app-1');
    expect([restarts, check?.status, status]).toEqual([1, 'warn', 0]);
    expect(check?.message).toMatch(/restarted once, \d+ (s|min) ago/);
    expect((await space.run(['status'])).stdout).toMatch(/app +1\/1 +app-1 restarted once/);
    // It was long before this run, and a run that changes nothing asks for no more.
    expect((await space.run(['up'])).status).toBe(0);
  });

  test('an edge that ends again and again holds its own ports: up does not call them taken, and replaces it', async () => {
    const loops = async () =>
      (await docker(['inspect', '--format', '{{.RestartCount}}', `${space.project}-edge-1`])).stdout.trim().match(/^[1-9]/) !== null;
    override('services:\n  edge:\n    entrypoint: ["sleep", "1"]\n');
    for (const _again of [1, 2, 3]) {
      const up = await space.run(['up', '--json', '--timeout', '8']);
      expect([up.status, refusal(up.stdout).code]).toEqual([5, 'UNHEALTHY']);
      await expect.poll(loops, { timeout: 20_000 }).toBe(true);
    }
    override('');
    expect((await space.run(['up'])).status).toBe(0);
    before = await identities(space.project);
  });

  test('is not taken for healthy where Compose’s time is over between two of its looks, and it says that all is well', async () => {
    const shims = path.join(space.dir, 'shims');
    mkdirSync(shims);
    const { stdout: real } = await run('sh', ['-c', 'command -v docker']);
    const script = `#!/bin/sh\n${real.trim()} "$@"\nstatus=$?\ncase "$*" in *--wait*) exit 0 ;; esac\nexit $status\n`;
    writeFileSync(path.join(shims, 'docker'), script, { mode: 0o755 });
    space.configure({ ...settings, app: { image: 'debian:trixie-slim', command: ['sleep', '300'] } });
    const up = await space.run(['up', '--timeout', '4', '--json'], { env: { PATH: `${shims}:${process.env.PATH}` } });
    expect([up.status, refusal(up.stdout).code]).toEqual([5, 'UNHEALTHY']);
    space.configure(settings);
    expect((await space.run(['up'])).status).toBe(0);
    before = await identities(space.project);
  });

  test('a full disk stops up before anything changes, and the stack goes on', async () => {
    const small = path.join(space.dir, 'small');
    expect((await run('mkdir', [small])).status).toBe(0);
    expect((await run('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', small])).status).toBe(0);
    const tight = await workspace('full');
    try {
      tight.configure({ profile: 'dev' });
      const state = path.join(small, 'state');
      expect((await tight.run(['up', '--state', state])).status).toBe(0);
      const running = await identities(tight.project);
      const rendered = readFileSync(path.join(state, 'current', 'compose.yml'), 'utf8');
      await run('dd', ['if=/dev/zero', `of=${path.join(small, 'filler')}`, 'bs=4k']);
      const up = await tight.run(['up', '--state', state, '--set', 'app.logLevel=warn', '--json']);
      expect([up.status, refusal(up.stdout).code]).toEqual([1, 'STATE_UNWRITABLE']);
      expect(refusal(up.stdout).hint).toContain('free some space');
      expect(await identities(tight.project)).toEqual(running);
      expect(readFileSync(path.join(state, 'current', 'compose.yml'), 'utf8')).toBe(rendered);
      expect((await tight.run(['status', '--state', state])).status).toBe(0);
      await run('rm', [path.join(small, 'filler')]);
      expect((await tight.run(['up', '--state', state, '--set', 'app.logLevel=warn'])).status).toBe(0);
      expect(existsSync(path.join(state, 'lock'))).toBe(false);
    } finally {
      await tight.destroy();
      await run('umount', [small]);
    }
  });

  test('a state folder that was deleted while the stack runs is made anew around the same data', async () => {
    await run('rm', ['-r', space.state]);
    const up = await space.run(['up']);
    expect(up.stderr).not.toContain('Error');
    expect(up.status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Safety Last']);
    expect((await space.run(['plan'])).status).toBe(0);
  });

  test('down works without a state folder too, and keeps the data', async () => {
    await run('rm', ['-r', space.state]);
    const down = await space.run(['down']);
    expect(down.status).toBe(0);
    expect(down.stdout).toContain('is stopped');
    expect(await containers(space.project)).toEqual([]);
    expect((await space.run(['up'])).status).toBe(0);
    expect(await titles(portal, space)).toEqual(['Safety Last']);
    await removeProject(space.project);
  });
});
