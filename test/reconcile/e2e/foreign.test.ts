import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, PROGRAM, run } from '../../support/cli.ts';
import { audit, background, containers, identities, type JsonError } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

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
