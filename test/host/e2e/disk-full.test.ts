import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, medianest, run } from '../../support/cli.ts';
import { type JsonError, parsed, until } from '../../support/stack.ts';

/** An engine of its own on a disk of 220 MB: no other test, and no real disk, is filled. */
describe('an engine whose disk is full', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-full-'));
  const disk = path.join(dir, 'disk');
  const fill = path.join(disk, 'fill');
  const env = { DOCKER_HOST: `unix://${path.join(disk, 'sock')}` };
  const build = () => medianest(['images', 'build', 'redis', '--profile', 'dev-compose', '--json'], { cwd: dir, env });

  beforeAll(async () => {
    mkdirSync(disk);
    expect((await run('mount', ['-t', 'tmpfs', '-o', 'size=220m', 'tmpfs', disk])).status).toBe(0);
    const at = (name: string) => path.join(disk, name);
    const log = openSync(path.join(dir, 'log'), 'w');
    const own = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', `unix://${at('sock')}`];
    const noFilter = ['--iptables=false', '--ip6tables=false'];
    const names = ['--containerd-namespace', 'medianest-full', '--containerd-plugins-namespace', 'medianest-full-plugins'];
    // In a network of its own: it would take the bridge of the engine that the other tests use.
    spawn('unshare', ['--net', 'dockerd', ...own, ...noFilter, ...names], { detached: true, stdio: ['ignore', log, log] }).unref();
    await until('the engine answers', async () => (await docker(['version'], { env })).status === 0);
    const archive = path.join(dir, 'base.tar');
    expect((await docker(['save', '--output', archive, 'debian:trixie-slim'])).status).toBe(0);
    expect(await docker(['load', '--input', archive], { env })).toMatchObject({ status: 0 });
    unlinkSync(archive);
  });
  afterAll(async () => {
    const pid = path.join(disk, 'pid');
    if (existsSync(pid)) {
      await run('sh', ['-c', 'kill "$(cat "$0")"', pid]);
      await until('the engine has ended', () => !existsSync(pid));
    }
    await run('umount', ['--lazy', disk]);
    rmSync(dir, { recursive: true, force: true });
  });

  test('is told by its cause and the way out, and the same command goes on when there is space again', async () => {
    writeFileSync(path.join(dir, 'medianest.yml'), 'version: 1\nproject: mt-full\n');
    expect((await run('dd', ['if=/dev/zero', `of=${fill}`, 'bs=1M'])).status).not.toBe(0);
    const full = await build();
    expect([full.status, parsed<JsonError>(full).error]).toEqual([
      1,
      expect.objectContaining({
        code: 'DISK_FULL',
        message: expect.stringContaining('nothing was changed'),
        hint: expect.stringContaining('docker system df'),
      }),
    ]);
    unlinkSync(fill);
    // This engine has no network, so that the build would get further, but to no end: to its packages.
    let further = false;
    await medianest(['images', 'build', 'redis', '--profile', 'dev-compose', '--verbose'], {
      cwd: dir,
      env,
      onSpawn: (child) =>
        child.stderr?.on('data', (chunk: Buffer) => {
          if (!/RUN .*apt-get/.test(String(chunk))) return;
          further = true;
          child.kill('SIGINT');
        }),
    });
    expect(further).toBe(true);
  });
});
