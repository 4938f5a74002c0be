import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, PROGRAM, run } from '../../support/cli.ts';
import { ask, audit, background, changedServices, containers, identities, type JsonError, portal, titles } from '../../support/stack.ts';
import { removeProject, type Workspace, workspace } from '../../support/workspace.ts';

const refusal = (stdout: string) => (JSON.parse(stdout) as JsonError).error;

describe('what somebody else has', () => {
  let space: Workspace;
  const volume = () => `${space.project}_data`;
  const holderName = () => `${space.project}-holder`;

  beforeAll(async () => {
    space = await workspace('foreign');
  });
  afterAll(async () => {
    await docker(['rm', '--force', holderName()]);
    await docker(['network', 'rm', `${space.project}_dmz`]);
    await docker(['volume', 'rm', '--force', volume()]);
    await space.destroy();
  });

  test('a port that a process listens on is told with the process and another port, and nothing is made', async () => {
    const holder = await background(
      process.execPath,
      ['-e', `require('net').createServer().listen(${space.devPort}, '127.0.0.1', () => console.log('ready'))`],
      /ready/,
    );
    try {
      const up = await space.run(['up', '--json']);
      expect(up.status).toBe(1);
      expect(refusal(up.stdout)).toMatchObject({ code: 'PORT_TAKEN', hint: expect.stringMatching(/`allInOne\.port: \d+`/) });
      expect(refusal(up.stdout).message).toContain(`port ${space.devPort} on 127.0.0.1 is already in use by process ${holder.pid} (node)`);
      expect(refusal(up.stdout).message).toContain('nothing was changed');
      expect(await containers(space.project)).toEqual([]);
      expect(audit(space)).toEqual([]);
    } finally {
      await holder.stop();
    }
  });

  test('a port that a container publishes is told with the container', async () => {
    await docker([
      'run',
      '--detach',
      '--rm',
      '--name',
      holderName(),
      '--publish',
      `127.0.0.1:${space.devPort}:80`,
      'debian:trixie-slim',
      'sleep',
      '300',
    ]);
    const up = await space.run(['up']);
    expect(up.status).toBe(1);
    expect(up.stderr).toContain(`is already in use by container ${space.project}-holder`);
    expect(await containers(space.project)).toEqual([]);
    expect((await docker(['inspect', '--format', '{{.State.Status}}', holderName()])).stdout.trim()).toBe('running');
    await docker(['rm', '--force', holderName()]);
  });

  test('a Compose project of the same name is refused by every command that changes something, and is left as it was', async () => {
    const folder = path.join(space.dir, 'theirs.yml');
    writeFileSync(
      folder,
      `name: ${space.project}\nservices: { web: { image: "debian:trixie-slim", command: [sleep, "300"], volumes: ["data:/data"] } }\nvolumes: { data: {} }\n`,
    );
    expect((await docker(['compose', '--file', folder, 'up', '--detach'])).status).toBe(0);
    await docker(['exec', `${space.project}-web-1`, 'sh', '-c', 'echo theirs >/data/file']);
    const before = await identities(space.project);
    for (const args of [['up'], ['plan'], ['down'], ['down', '--volumes', '--yes', '--no-backup'], ['up', '--dry-run']]) {
      const refused = await space.run([...args, '--json']);
      expect([args, refused.status, refusal(refused.stdout).code]).toEqual([args, 1, 'FOREIGN_PROJECT']);
      expect(refusal(refused.stdout).message).toContain(`${space.project}-web-1`);
      expect(refusal(refused.stdout).hint).toContain('--project');
    }
    expect((await space.run(['render'])).status).toBe(0);
    expect((await space.run(['restart'])).status).toBe(1);
    expect((await space.run(['down'])).status).toBe(1);
    expect(await identities(space.project)).toEqual(before);
  });

  test('a volume that is left of such a project is refused and keeps its contents', async () => {
    await docker(['rm', '--force', `${space.project}-web-1`]);
    await docker(['network', 'rm', `${space.project}_default`]);
    for (const args of [['up'], ['down', '--volumes', '--yes', '--no-backup']]) {
      const refused = await space.run([...args, '--json']);
      expect([args, refused.status, refusal(refused.stdout).code]).toEqual([args, 1, 'FOREIGN_PROJECT']);
      expect(refusal(refused.stdout).message).toContain(`volume ${volume()}`);
    }
    expect((await docker(['run', '--rm', '--volume', `${volume()}:/data`, 'debian:trixie-slim', 'cat', '/data/file'])).stdout).toBe(
      'theirs\n',
    );
    await docker(['volume', 'rm', volume()]);
  });

  test('so is one that a preview or another medianest project made', async () => {
    for (const labels of [{ preview: space.project, project: space.project }, { project: 'another' }]) {
      const named = Object.entries(labels).flatMap(([name, value]) => ['--label', `io.medianest.${name}=${value}`]);
      await docker(['volume', 'create', ...named, volume()]);
      for (const args of [['up'], ['plan'], ['up', '--dry-run']]) {
        const refused = await space.run([...args, '--json']);
        expect([args, refused.status, refusal(refused.stdout).code]).toEqual([args, 1, 'FOREIGN_PROJECT']);
        expect(refusal(refused.stdout).message).toContain(`io.medianest.project=${labels.project}`);
      }
      await docker(['volume', 'rm', volume()]);
    }
    expect(await containers(space.project)).toEqual([]);
  });

  test('a network of the same name is refused, whether Compose made it or not', async () => {
    for (const label of [['--label', `com.docker.compose.project=${space.project}`], []]) {
      await docker(['network', 'create', ...label, `${space.project}_dmz`]);
      const up = await space.run(['up', '--json']);
      expect([up.status, refusal(up.stdout).code]).toEqual([1, 'FOREIGN_PROJECT']);
      expect(refusal(up.stdout).message).toContain(`network ${space.project}_dmz`);
      expect(await containers(space.project)).toEqual([]);
      await docker(['network', 'rm', `${space.project}_dmz`]);
    }
  });

  test('the same project from another state folder is refused, and its folder is named', async () => {
    expect((await space.run(['up'])).status).toBe(0);
    const before = await identities(space.project);
    for (const args of [['up'], ['plan'], ['down'], ['down', '--volumes', '--yes', '--no-backup']]) {
      const refused = await space.run([...args, '--json', '--state', path.join(space.dir, 'other')]);
      expect([args, refused.status, refusal(refused.stdout).code]).toEqual([args, 1, 'FOREIGN_STATE']);
      expect(refusal(refused.stdout).message).toContain(space.state);
      expect(refusal(refused.stdout).hint).toContain(`--state ${space.state}`);
    }
    expect(await identities(space.project)).toEqual(before);
    expect((await space.run(['plan'])).status).toBe(0);
  });

  describe('another user, who may not look into the folder of the stack', () => {
    const UID = 65534;
    let theirs: string;
    /** In the docker group, and in no other. */
    const as = (...args: string[]) => {
      const identity = [`--reuid=${UID}`, `--regid=${UID}`, `--groups=${statSync('/var/run/docker.sock').gid}`];
      return run('setpriv', [...identity, process.execPath, PROGRAM, ...args, '--json'], { cwd: theirs, env: { HOME: theirs } });
    };
    const left = async () => [await identities(space.project), readFileSync(path.join(space.state, 'secrets.json'), 'utf8')];

    beforeAll(() => {
      theirs = mkdtempSync(path.join(os.tmpdir(), 'medianest-second-'));
      chownSync(theirs, UID, UID);
      expect(statSync(space.dir).mode & 0o777).toBe(0o700);
    });
    afterAll(() => rmSync(theirs, { recursive: true, force: true }));

    test('is refused by every command that would change it, with its owner, its path and what to do', async () => {
      const before = await left();
      expect((await as('render', '--project', space.project)).status).toBe(0);
      for (const args of [
        ['up'],
        ['up', '--dry-run'],
        ['plan'],
        ['down'],
        ['down', '--volumes'],
        ['down', '--volumes', '--yes', '--no-backup'],
        ['restart'],
        ['deploy'],
        ['exec', 'all-in-one', 'true'],
      ]) {
        const refused = await as('--project', space.project, ...args);
        expect([args, refused.status, refusal(refused.stdout).code]).toEqual([args, 1, 'FOREIGN_STATE']);
        expect(refusal(refused.stdout).message).toContain(`is run from ${space.state}, which belongs to root (uid 0)`);
        expect(refusal(refused.stdout).message).toContain(`cannot be looked at (EACCES at ${space.dir})`);
        expect(refusal(refused.stdout).hint).toContain(`run this as root with --state ${space.state}, or choose another --project`);
      }
      expect(await left()).toEqual(before);
      expect((await space.run(['plan'])).status).toBe(0);
    });

    test('is told by doctor, which offers to remove nothing of it', async () => {
      const told = await as('doctor', '--project', space.project, '--fix', '--yes', '--only', `project,leftover.${space.project}`);
      expect(told.status).toBe(5);
      expect(JSON.parse(told.stdout)).toMatchObject({
        fixed: [],
        checks: [{ id: 'project', status: 'fail', message: expect.stringContaining('belongs to root (uid 0)') }],
      });
    });

    test('has a project of another name, and doctor offers no stopped container of the stack', async () => {
      const before = (await containers(space.project)).map(({ id }) => id);
      await docker(['stop', ...before]);
      const second = await as('config', 'show');
      expect((JSON.parse(second.stdout) as { settings: { project: string } }).settings.project).toBe(space.project);
      rmSync(path.join(theirs, '.medianest'), { recursive: true });
      const fresh = JSON.parse((await as('config', 'show')).stdout) as { settings: { project: string }; origins: Record<string, string> };
      expect([fresh.settings.project, fresh.origins.project]).toEqual([path.basename(theirs).toLowerCase(), 'the folder’s name']);
      const fixed = await as('doctor', '--fix', '--yes', '--only', `leftover.${space.project}`);
      expect(JSON.parse(fixed.stdout)).toMatchObject({ fixed: [], checks: [] });
      expect((await containers(space.project)).map(({ id }) => id)).toEqual(before);
      expect((await space.run(['up'])).status).toBe(0);
    });
  });

  test('a volume that another profile needs is compared too, while everything runs', async () => {
    const uploads = `${space.project}_uploads`;
    const before = await identities(space.project);
    await docker(['volume', 'create', '--label', `com.docker.compose.project=${space.project}`, uploads]);
    await docker(['run', '--rm', '--volume', `${uploads}:/data`, 'debian:trixie-slim', 'sh', '-c', 'echo theirs >/data/file']);
    space.configure({ profile: 'dev-compose' });
    try {
      for (const args of [['up'], ['plan'], ['up', '--dry-run']]) {
        const refused = await space.run([...args, '--json']);
        expect([args, refused.status, refusal(refused.stdout).code]).toEqual([args, 1, 'FOREIGN_PROJECT']);
        expect(refusal(refused.stdout).message).toContain(`volume ${uploads}`);
      }
      expect(await identities(space.project)).toEqual(before);
      expect((await docker(['run', '--rm', '--volume', `${uploads}:/data`, 'debian:trixie-slim', 'cat', '/data/file'])).stdout).toBe(
        'theirs\n',
      );
    } finally {
      await docker(['volume', 'rm', '--force', uploads]);
      space.configure({});
    }
    expect((await space.run(['plan'])).status).toBe(0);
  });
});

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
    expect(up.stderr).toMatch(/^-name: /m);
    expect(up.stderr).toMatch(/^\+name: .* # mine$/m);
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
    expect((await space.run(['status'])).stdout).toMatch(/app-1 +running, restarted once/);
    // It was long before this run, and a run that changes nothing asks for no more.
    expect((await space.run(['up'])).status).toBe(0);
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
