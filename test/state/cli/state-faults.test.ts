import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { medianest, PROGRAM, run } from '../../support/cli.ts';
import { asNobody, faults, folder, json, tree } from '../../support/command.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const COMPOSE = ['--profile', 'dev-compose'];

describe('a state folder', () => {
  it('that belongs to somebody else is told, and left as it is', async () => {
    const own = folder();
    chmodSync(own.dir, 0o755);
    const { status, stdout } = await asNobody(['render', '--json'], { cwd: own.dir });
    expect([status, json(stdout).error]).toEqual([
      1,
      expect.objectContaining({ code: 'STATE_UNWRITABLE', message: expect.stringContaining(own.state) }),
    ]);
    await own.run(['render']);
    const before = tree(own.state);
    const second = await asNobody(['render', '--json'], { cwd: own.dir });
    expect([second.status, json(second.stdout).error.code]).toEqual([1, 'STATE_UNWRITABLE']);
    expect(tree(own.state)).toEqual(before);
  });
  it('of a newer version is refused by whatever would change it', async () => {
    const own = folder();
    await own.run(['render']);
    writeFileSync(path.join(own.state, 'state.json'), '{"version":99}\n');
    const before = tree(own.state);
    for (const args of [['render'], ['up'], ['down']]) {
      const { status, stdout } = await own.run([...args, '--json']);
      expect([status, json(stdout).error], args[0]).toEqual([
        1,
        expect.objectContaining({ code: 'STATE_DAMAGED', message: expect.stringMatching(/newer medianest \(state version 99/) }),
      ]);
    }
    expect(tree(own.state)).toEqual(before);
  });
  it.each(['config', 'secrets', 'certs/edge'])('whose %s is a link to elsewhere is refused, and nothing is written there', async (name) => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const elsewhere = mkdtempSync(path.join(os.tmpdir(), 'medianest-elsewhere-'));
    rmSync(path.join(own.state, name), { recursive: true, force: true });
    mkdirSync(path.dirname(path.join(own.state, name)), { recursive: true });
    symlinkSync(elsewhere, path.join(own.state, name));
    const { status, stdout } = await own.run(['render', '--json', '--set', 'redis.memory=99m', ...COMPOSE]);
    expect([status, json(stdout).error]).toEqual([
      1,
      expect.objectContaining({
        code: 'STATE_DAMAGED',
        message: expect.stringMatching(new RegExp(`${name} is a link .* to ${elsewhere}`)),
      }),
    ]);
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(elsewhere, { recursive: true });
  });
  it('may be a link as a whole', async () => {
    const own = folder();
    const elsewhere = mkdtempSync(path.join(os.tmpdir(), 'medianest-elsewhere-'));
    rmSync(own.state, { recursive: true, force: true });
    symlinkSync(elsewhere, own.state);
    expect((await own.run(['render', ...COMPOSE])).status).toBe(0);
    expect((await own.run(['render', ...COMPOSE])).status).toBe(0);
    expect(readdirSync(elsewhere)).toContain('state.json');
    rmSync(elsewhere, { recursive: true });
  });
  it.each(['current/manifest.json', 'state.json', 'secrets.json', 'subnets.json'])(
    'with a damaged %s is told by its name, and left as it is',
    async (name) => {
      const own = folder();
      await own.run(['render', ...COMPOSE]);
      writeFileSync(path.join(own.state, name), '{"version": 1, "id"');
      const before = tree(own.state);
      const { status, stdout } = await own.run(['render', '--json', '--set', 'redis.memory=99m', ...COMPOSE]);
      expect([status, json(stdout).error]).toEqual([
        1,
        expect.objectContaining({ code: 'STATE_DAMAGED', message: expect.stringContaining(name) }),
      ]);
      expect(tree(own.state)).toEqual(before);
    },
  );
  it('whose manifest was moved aside, as the error says, is rendered anew', async () => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const secrets = readFileSync(path.join(own.state, 'secrets.json'), 'utf8');
    rmSync(path.join(own.state, 'current/manifest.json'));
    expect((await own.run(['render', ...COMPOSE])).status).toBe(0);
    expect(faults(own.state)).toEqual([]);
    expect(readFileSync(path.join(own.state, 'secrets.json'), 'utf8')).toBe(secrets);
  });
  it('keeps the name of its project when the folder gets another, also where the manifest is moved aside', async () => {
    const own = folder();
    writeFileSync(path.join(own.dir, 'medianest.yml'), 'version: 1\n');
    const name = path.basename(own.dir).toLowerCase();
    const renders = async (cwd: string) => {
      const { status } = await medianest(['render', ...COMPOSE], { cwd });
      return [status, /^name: "(.*)"$/m.exec(readFileSync(path.join(cwd, '.medianest/current/compose.yml'), 'utf8'))?.[1]];
    };
    expect(await renders(own.dir)).toEqual([0, name]);
    const moved = `${own.dir}-moved`;
    renameSync(own.dir, moved);
    try {
      expect(await renders(moved)).toEqual([0, name]);
      rmSync(path.join(moved, '.medianest/current/manifest.json'));
      expect(await renders(moved)).toEqual([0, name]);
      // As medianest 0.4 and older have left it.
      writeFileSync(path.join(moved, '.medianest/state.json'), '{"version":1}\n');
      expect(await renders(moved)).toEqual([0, name]);
      const { stdout } = await medianest(['config', 'show', '--json'], { cwd: moved });
      expect(json(stdout)).toMatchObject({ settings: { project: name }, origins: { project: 'the state folder' } });
    } finally {
      renameSync(moved, own.dir);
    }
  });
  it('that is a file is told without a trace', async () => {
    const own = folder();
    writeFileSync(own.state, 'not a folder');
    const { status, stderr } = await own.run(['render']);
    expect(status).toBe(1);
    expect(stderr).toContain(own.state);
    expect(stderr).not.toMatch(/fault in medianest|UNEXPECTED/);
  });
  it('is made with modes that do not depend on the umask of the shell', async () => {
    const own = folder();
    await run('sh', ['-c', 'umask 077; exec "$@"', 'sh', process.execPath, path.resolve('bin/medianest.js'), 'render', ...COMPOSE], {
      cwd: own.dir,
    });
    const config = Object.keys(tree(own.state)).find((name) => name.endsWith('redis.conf')) ?? '';
    const modes = [config, path.dirname(config), 'config', 'secrets.json'].map((name) =>
      (statSync(path.join(own.state, name)).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(['644', '755', '755', '600']);
  });
  it('is refused where a profile or medianest.yml cannot be read, instead of passing over it', async () => {
    const own = folder();
    chmodSync(own.dir, 0o777);
    chmodSync(path.join(own.dir, 'medianest.yml'), 0o600);
    const { status, stderr } = await asNobody(['render'], { cwd: own.dir });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/medianest\.yml cannot be read \(EACCES\)/)]);
  });
});

describe('a full disk', () => {
  it('leaves the old tree whole, and the next render goes on when there is space again', async () => {
    const disk = temporaryFolder('disk');
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    if (mounted.status !== 0) throw new Error(`a small file system cannot be mounted here (root is needed): ${mounted.stderr}`);
    try {
      const own = folder();
      const state = path.join(disk, 'state');
      const render = (...more: string[]) => own.run(['render', '--state', state, ...COMPOSE, ...more]);
      expect(await render()).toMatchObject({ status: 0 });
      const current = readFileSync(path.join(state, 'current/compose.yml'), 'utf8');
      const filler = path.join(disk, 'filler');
      const fill = (free: number) => {
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(filler, Buffer.alloc(Math.max(0, bavail - free) * bsize));
      };
      for (const free of [0, 1, 3]) {
        fill(free);
        const { status, stdout } = await render('--set', 'app.logLevel=warn', '--set', 'redis.memory=77m', '--json');
        expect([status, json(stdout).error], `${free} pages free`).toEqual([
          1,
          expect.objectContaining({ code: 'STATE_UNWRITABLE', message: expect.stringContaining('ENOSPC') }),
        ]);
        expect(faults(state)).toEqual([]);
        expect(readFileSync(path.join(state, 'current/compose.yml'), 'utf8')).toBe(current);
        rmSync(filler);
      }
      expect(Object.keys(tree(state)).filter((name) => name.includes('.tmp'))).toEqual([]);
      // Page by page: wherever the disk becomes full, a tree is complete or it is not the current one.
      for (let free = 1, last = 1; last !== 0; free++) {
        fill(free);
        last = (await render('--set', `redis.memory=${100 + free}m`)).status ?? 1;
        expect(faults(state), `${free} pages free`).toEqual([]);
        expect(Object.keys(tree(state)).filter((name) => name.includes('.tmp'))).toEqual([]);
        rmSync(filler);
      }
      expect(await render('--set', 'app.logLevel=warn', '--set', 'redis.memory=77m')).toMatchObject({ status: 0 });
      expect(faults(state)).toEqual([]);
    } finally {
      await run('umount', [disk]);
    }
  });
});

describe('a kill', () => {
  it('at any moment of a render leaves a whole tree, the old one or the new one', async () => {
    const own = folder();
    const args = (i: number) => ['render', ...COMPOSE, '--set', `redis.memory=${64 + (i % 7)}m`, '--set', `app.replicas=${1 + (i % 5)}`];
    // The quicker of two: on a busy host the first may take twice as long as those that are killed, and none would be.
    let whole = Number.POSITIVE_INFINITY;
    for (const i of [0, 1]) {
      const began = Date.now();
      expect((await own.run(args(i))).status).toBe(0);
      whole = Math.min(whole, Date.now() - began);
    }
    const rounds = 40;
    let killed = 0;
    for (let i = 1; i <= rounds; i++) {
      const { status } = await own.run(args(i), {
        // Most of a run is start-up: the second half of it is where files are written.
        onSpawn: (child) => void sleep(whole * (0.4 + (0.7 * i) / rounds)).then(() => child.kill('SIGKILL')),
      });
      if (status === null) killed++;
      expect(faults(own.state), `round ${i}`).toEqual([]);
    }
    expect(killed).toBeGreaterThan(3);
    expect(await own.run(args(0))).toMatchObject({ status: 0 });
    expect((await own.run(['render', '--check', ...args(0).slice(1)])).status).toBe(0);
    expect(faults(own.state)).toEqual([]);
  }, 120_000);
  it('before the first tree is complete leaves none, and the next render makes it', async () => {
    for (let i = 1; i <= 12; i++) {
      const own = folder();
      mkdirSync(own.state, { mode: 0o700 });
      await own.run(['render', ...COMPOSE], { onSpawn: (child) => void sleep(40 + i * 10).then(() => child.kill('SIGKILL')) });
      if ('current' in tree(own.state)) expect(faults(own.state)).toEqual([]);
      expect(await own.run(['render', ...COMPOSE])).toMatchObject({ status: 0 });
      expect(faults(own.state)).toEqual([]);
    }
  }, 60_000);
  it('of another medianest that holds the lock is not waited for', async () => {
    const own = folder();
    await own.run(['render']);
    const holder = { pid: 2 ** 22 - 1, started: '1', host: os.hostname(), user: 'x', command: 'medianest up', since: 'long ago' };
    writeFileSync(path.join(own.state, 'lock'), JSON.stringify(holder));
    expect((await own.run(['render', '--set', 'allInOne.memory=99m'])).status).toBe(0);
  });
});

describe('two at once', () => {
  it('never mix their trees: each waits for the other when it is asked to', async () => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const runs = await Promise.all(
      Array.from({ length: 6 }, (_, i) => own.run(['render', '--wait-lock', '--set', `redis.memory=${64 + i}m`, ...COMPOSE])),
    );
    expect(runs.map((entry) => entry.status)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(faults(own.state)).toEqual([]);
  });
  it('the second is told who holds the lock, and changes nothing', async () => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const holder = {
      pid: process.pid,
      started,
      host: os.hostname(),
      user: 'maria',
      command: 'medianest up',
      since: '2026-01-01T00:00:00Z',
    };
    writeFileSync(path.join(own.state, 'lock'), `${JSON.stringify(holder)}\n`);
    const before = tree(own.state);
    const { status, stdout } = await own.run(['render', '--json', '--set', 'redis.memory=99m', ...COMPOSE]);
    expect([status, json(stdout).error]).toEqual([
      1,
      expect.objectContaining({
        code: 'LOCKED',
        message: expect.stringMatching(new RegExp(`\`medianest up\` by maria \\(process ${process.pid}\\)`)),
      }),
    ]);
    expect(tree(own.state)).toEqual(before);
  });
  it('the second does not take the lock of a process that it may not see', async () => {
    const own = folder();
    mkdirSync(own.state);
    for (const shared of [own.dir, own.state]) chmodSync(shared, 0o777);
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const holder = { pid: process.pid, started, host: os.hostname(), user: 'maria', command: 'medianest up', since: 'long ago' };
    const lock = path.join(own.state, 'lock');
    writeFileSync(lock, `${JSON.stringify(holder)}\n`);
    const hidden = 'mount -t proc -o hidepid=2 proc /proc || exit 99; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"';
    const render = ['--mount', 'sh', '-c', hidden, 'sh', process.execPath, PROGRAM, 'render', '--json'];
    const second = await run('unshare', render, { cwd: own.dir, env: { HOME: os.tmpdir() } });
    expect([second.status, json(second.stdout).error.code]).toEqual([1, 'LOCKED']);
    writeFileSync(lock, `${JSON.stringify({ ...holder, pid: 2 ** 22 - 1 })}\n`);
    expect((await run('unshare', render, { cwd: own.dir, env: { HOME: os.tmpdir() } })).status).toBe(0);
  });
});
