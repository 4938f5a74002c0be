import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { DiskHealing } from '../../../src/healing/plan/disk.ts';
import type { AuditEntry } from '../../../src/state/audit.ts';
import { docker, medianest, run } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { PREFIX } from '../../support/workspace.ts';

/** An engine of its own, on a disk of 400 MB that the state folder is on too: no other test, and no real disk, is filled. */
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-heal-disk-'));
const disk = path.join(dir, 'disk');
const at = (name: string) => path.join(disk, name);
const env = { DOCKER_HOST: `unix://${at('sock')}` };
const project = `${PREFIX}-heal-disk`;
const state = at('state');
const MIB = 1024 ** 2;

const OLD = ['medianest/edge:aaaaaaaaaaaa', 'medianest/redis:bbbbbbbbbbbb', 'medianest/app:cccccccccccc'];
const USED = 'medianest/edge:dddddddddddd';
const [SERVED, REVERTED] = [`medianest/${project}-release:r1`, `medianest/${project}-release:r2`];
const THEIRS = 'theirs/app:1';

const free = () => {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
};
const settings = (more: object) =>
  writeFileSync(path.join(dir, 'medianest.yml'), `version: 1\n${stringify({ project, profile: 'dev-compose', ...more })}`);
const heal = (...args: string[]) => medianest(['agent', 'disk', '--state', state, '--json', ...args], { cwd: dir, env });
const images = async () => {
  const { stdout } = await docker(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'], { env });
  return stdout.split('\n').filter(Boolean).sort();
};
const audit = () =>
  readFileSync(path.join(state, 'audit.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AuditEntry);

/** An image with a file of 20 MB that no compression makes smaller. */
async function image(ref: string, label = true): Promise<void> {
  const content = path.join(dir, 'content');
  writeFileSync(content, randomBytes(20 * MIB));
  const change = label ? ['--change', 'LABEL io.medianest.image=x'] : [];
  const made = await run(
    'sh',
    ['-c', 'ref=$1; shift; tar -C "$0" -c content | docker import "$@" - "$ref"', dir, ref, ...change, '--change', 'CMD ["/content"]'],
    { env },
  );
  expect(made.status, made.stderr).toBe(0);
}

beforeAll(async () => {
  mkdirSync(disk);
  expect((await run('truncate', ['--size', '400M', `${disk}.img`])).status).toBe(0);
  expect((await run('mkfs.ext4', ['-q', '-m', '0', `${disk}.img`])).status).toBe(0);
  expect((await run('mount', ['-o', 'loop', `${disk}.img`, disk])).status).toBe(0);
  const log = openSync(path.join(dir, 'log'), 'w');
  const own = [
    '--data-root',
    at('data'),
    '--exec-root',
    path.join(dir, 'exec'),
    '--pidfile',
    path.join(dir, 'pid'),
    '--host',
    env.DOCKER_HOST,
  ];
  const noFilter = ['--iptables=false', '--ip6tables=false'];
  const names = ['--containerd-namespace', project, '--containerd-plugins-namespace', `${project}-plugins`];
  spawn('unshare', ['--net', 'dockerd', ...own, ...noFilter, ...names], { detached: true, stdio: ['ignore', log, log] }).unref();
  await until('the engine answers', async () => (await docker(['version'], { env })).status === 0);
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(path.join(state, 'state.json'), '{"version":1}\n');
  const release = (id: string, result: string) => ({
    id,
    image: 'x',
    imageId: 'x',
    digests: [],
    settings: 'x',
    version: {},
    time: '2026-01-01T00:00:00Z',
    user: 'x',
    command: 'x',
    result,
    seconds: 1,
  });
  writeFileSync(path.join(state, 'releases.json'), JSON.stringify([release('r1', 'deployed'), release('r2', 'reverted')]));
  for (const ref of [...OLD, USED, SERVED, REVERTED]) await image(ref);
  await image(THEIRS, false);
  expect((await docker(['create', '--name', 'uses', USED], { env })).status).toBe(0);
  expect((await docker(['volume', 'create', '--label', `io.medianest.project=${project}`, `${project}_data`], { env })).status).toBe(0);
}, 120_000);
afterAll(async () => {
  const pid = path.join(dir, 'pid');
  if (existsSync(pid)) {
    await run('sh', ['-c', 'kill "$(cat "$0")"', pid]);
    await until('the engine has ended', () => !existsSync(pid));
  }
  await run('umount', ['--lazy', disk]);
  rmSync(dir, { recursive: true, force: true });
});

test('a disk with more than the reserve is left alone', async () => {
  settings({ diskReserve: '16m' });
  const before = await images();
  const looked = await heal();
  expect([looked.status, parsed<DiskHealing>(looked)]).toEqual([0, expect.objectContaining({ removed: [], dispensable: [] })]);
  expect(await images()).toEqual(before);
});

test('a record that is damaged is written again', async () => {
  writeFileSync(path.join(state, 'disk-healing.json'), '{"at":');
  expect((await heal()).status).toBe(0);
  expect(JSON.parse(readFileSync(path.join(state, 'disk-healing.json'), 'utf8'))).toMatchObject({ healing: 'act', removed: [] });
});

test('agent.healing: suggest says what could go, and removes nothing', async () => {
  settings({ diskReserve: free() + 4 * MIB, agent: { healing: 'suggest' } });
  const before = await images();
  const looked = await heal();
  const { dispensable, removed } = parsed<DiskHealing>(looked);
  expect(looked.status).toBe(5);
  expect(removed).toEqual([]);
  expect(dispensable.map(({ name }) => name).sort()).toEqual([...OLD, REVERTED].sort());
  expect(await images()).toEqual(before);
});

test('where another project is on the engine, its images stay', async () => {
  settings({ diskReserve: free() + 4 * MIB });
  await docker(['volume', 'create', '--label', 'io.medianest.project=other', 'other_data'], { env });
  const { dispensable, stays } = parsed<DiskHealing>(await heal('--dry-run'));
  expect(dispensable.map(({ name }) => name)).toEqual([REVERTED]);
  expect(stays).toEqual([expect.stringMatching(/medianest\/edge:aaaaaaaaaaaa.* stay: the project other on this host may need them/)]);
  await docker(['volume', 'rm', 'other_data'], { env });
});

test('below the reserve old images go until there is enough, each with its reason in the audit log', async () => {
  const before = await images();
  // Two images make it twice the reserve.
  const fill = at('fill');
  await run('fallocate', ['-l', String(free() - 30 * MIB), fill]);
  settings({ diskReserve: '32m' });
  const healed = await heal();
  const { removed, dispensable } = parsed<DiskHealing>(healed);
  expect(healed.status, healed.stdout).toBe(0);
  expect(free()).toBeGreaterThanOrEqual(64 * MIB);
  expect(removed.length).toBeGreaterThanOrEqual(2);
  expect(dispensable.length).toBeGreaterThanOrEqual(1);
  for (const { freed } of removed) expect(freed).toBeGreaterThan(18 * MIB);
  const after = await images();
  expect(before.filter((ref) => !after.includes(ref)).sort()).toEqual(removed.map(({ name }) => name).sort());
  expect(after).toEqual(expect.arrayContaining([USED, SERVED, THEIRS]));
  expect(audit().map(({ command, reason, result }) => [command, reason, result])).toEqual(
    removed.map(({ name, why }) => [
      `medianest agent disk: ${name} removed`,
      expect.stringMatching(new RegExp(`^${why}; the engine’s disk had \\d+ MiB free, less than diskReserve \\(32 MiB\\)$`)),
      'done',
    ]),
  );
  rmSync(fill);
});

test('with no byte left for a lock it makes room first; data, and what is used or not ours, stays', async () => {
  const leftover = path.join(state, 'orders.json.999999999.tmp');
  writeFileSync(leftover, 'x'.repeat(4096));
  utimesSync(leftover, 1, 1);
  await image('medianest/etcd:eeeeeeeeeeee');
  settings({ diskReserve: '300m' });
  await run('dd', ['if=/dev/zero', `of=${at('fill')}`, 'bs=1M']);
  await run('dd', ['if=/dev/zero', `of=${at('fill2')}`, 'bs=1k']);
  expect(free()).toBe(0);
  expect(() => writeFileSync(at('probe'), 'x'.repeat(100))).toThrow(/ENOSPC/);
  const healed = await heal();
  // Nothing more is there that could go, and the disk is still too small: that is told.
  expect([healed.status, parsed<DiskHealing>(healed).dispensable]).toEqual([5, []]);
  expect(existsSync(leftover)).toBe(false);
  expect(await images()).toEqual([USED, SERVED, THEIRS].sort());
  expect((await docker(['volume', 'ls', '--quiet'], { env })).stdout.trim()).toBe(`${project}_data`);
  const last = parsed<DiskHealing>({ ...healed, stdout: readFileSync(path.join(state, 'disk-healing.json'), 'utf8') });
  expect(last.removed.map(({ name }) => name)).toContain('medianest/etcd:eeeeeeeeeeee');
});

test('a run that is killed half-way keeps nothing from the next one, and what it removed is noted once', async () => {
  for (const name of ['fill', 'fill2']) rmSync(at(name), { force: true });
  // More than the disk has: all that could go goes.
  settings({ diskReserve: '1g' });
  const fresh = ['1', '2', '3', '4'].map((digit) => `medianest/etcd:${digit.repeat(12)}`);
  for (const ref of fresh) await image(ref);
  const before = audit().length;
  const killed = medianest(['agent', 'disk', '--state', state], {
    cwd: dir,
    env,
    onSpawn: (child) => void until('it has removed one', () => audit().length > before).then(() => child.kill('SIGKILL')),
  });
  await killed;
  const healed = await heal();
  expect([healed.status, parsed<DiskHealing>(healed).busy]).toEqual([5, false]);
  expect(await images()).toEqual([USED, SERVED, THEIRS].sort());
  // One that was removed right before the kill may lack its line.
  const noted = audit()
    .slice(before)
    .map(({ command }) => command);
  expect(new Set(noted).size).toBe(noted.length);
  expect(noted.length).toBeGreaterThanOrEqual(fresh.length - 1);
});

test('while another command works on the stack it removes nothing', async () => {
  await image('medianest/etcd:ffffffffffff');
  const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  writeFileSync(
    path.join(state, 'lock'),
    JSON.stringify({ pid: process.pid, started, host: os.hostname(), user: 'x', command: 'medianest up', since: 'now' }),
  );
  const healed = await heal();
  expect([healed.status, parsed<DiskHealing>(healed).busy]).toEqual([0, true]);
  expect(await images()).toContain('medianest/etcd:ffffffffffff');
});
