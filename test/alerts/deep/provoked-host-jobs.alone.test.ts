import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calm, Desk, type Provoked, type Undo } from '../../support/alerts/provoked.ts';
import { docker, run } from '../../support/cli.ts';
import { begin, inside } from '../../support/data/faults.ts';
import { container, inspect } from '../../support/load/load-stack.ts';
import { portal, ready, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/*
 * Alerts about the host, its containers, jobs, and a single database and cache, each by the fault that it is for. What waits for a quarter of an
 * hour before it is told begins first.
 */

let space: Workspace;
let desk: Desk;
let slow: Provoked[] = [];

const names = (service: string) => container(space, service);
const status = async (command: string) => (await space.run([command])).status;
async function stopped(...services: string[]): Promise<Undo> {
  const { status: failed, stderr } = await docker(['stop', '--time', '1', ...services.map(names)]);
  if (failed !== 0) throw new Error(stderr);
  return () => begin(space, ...services);
}
/** What takes all of a container's memory, in it. */
const takesAll = 'x=$(head -c 200m /dev/zero | tr "\\0" x); echo ${#x}';

/** The repository cannot be read or written, as after a wrong `chown`. */
async function lockedRepository(): Promise<Undo> {
  const mounts = await inspect(space, 'backup', '{{range .Mounts}}{{if eq .Type "volume"}}{{.Source}} {{end}}{{end}}');
  const folder = mounts.split(' ')[0] as string;
  const { mode } = statSync(folder);
  chmodSync(folder, 0);
  return async () => {
    chmodSync(folder, mode & 0o7777);
    // What the agent or the engine do about it may still be under way.
    for (const command of ['backup', 'drill']) await until(`${command} ends well again`, async () => (await status(command)) === 0, 240);
  };
}

/** A disk of its own in a file, which the exporter sees below the host's root. */
async function fullDisk(): Promise<Undo> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-disk-'));
  const [file, folder] = [path.join(dir, 'disk.ext4'), path.join(dir, 'mounted')];
  mkdirSync(folder);
  // The exporter has no rights of its own.
  chmodSync(dir, 0o755);
  const done = async (program: string, ...args: string[]) => {
    const { status: failed, stderr } = await run(program, args);
    if (failed !== 0) throw new Error(`${program}: ${stderr}`);
  };
  const seen = () => docker(['restart', names('node-exporter')]);
  await done('truncate', '--size', '64M', file);
  await done('mkfs.ext4', '-q', '-N', '256', file);
  await done('mount', '-o', 'loop', file, folder);
  for (let index = 0; index < 243; index++) writeFileSync(path.join(folder, `${index}`), '');
  // Until nothing is left of it.
  await run('dd', ['if=/dev/zero', `of=${path.join(folder, 'rest')}`, 'bs=64k']);
  await seen();
  return async () => {
    await done('umount', folder);
    rmSync(dir, { recursive: true });
    await seen();
  };
}

beforeAll(async () => {
  desk = await Desk.open();
  space = await workspace('provoked-host');
  space.configure({
    profile: 'dev-compose',
    observability: 'light',
    components: { agent: true, 'engine-proxy': true, backup: true },
    prometheus: { scrapeSeconds: 5 },
    alerts: { channels: { desk: desk.channel } },
  });
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  await ready(portal, space);
}, 900_000);
afterAll(async () => {
  await space?.destroy();
  await desk?.close();
});

describe('alerts arrive with what to do', () => {
  test('when a disk is full', async () => {
    await calm(space);
    slow = [
      await desk.provoke(['BackupFailed', 'DrillFailed'], async () => {
        const undo = await lockedRepository();
        for (const command of ['backup', 'drill']) expect([command, await status(command)]).not.toEqual([command, 0]);
        return undo;
      }),
      await desk.provoke(['ContainerMemoryHigh'], async () => {
        // What lies in memory is the container's too, which may use 512 MiB and needs little.
        expect(await inside(space, 'edge', 'head -c 475M /dev/zero >/tmp/held')).toMatchObject({ status: 0 });
        return () => inside(space, 'edge', 'rm /tmp/held');
      }),
    ];
    await desk.wave([[['DiskFull', 'DiskNearlyFull', 'InodesNearlyUsed'], fullDisk]], 600);
  }, 1_200_000);

  test('when a single database and a single cache are away, or full', async () => {
    await calm(space);
    await desk.wave([[['CacheAway', 'DatabaseAway'], () => stopped('redis', 'postgres')]], 240);
    const full = await desk.provoke(['CacheEvicts'], async () => {
      // More than its 96 MiB, by values that people's sessions could be.
      const fill = 'for i in {1..120}; do echo setrange session:$i 1000000 x; echo expire session:$i 600; done';
      const redis = 'REDISCLI_AUTH=$(</run/secrets/redis-password) redis-cli';
      const { stdout, stderr } = await inside(space, 'redis', `(${fill}) | ${redis} | grep -cx 1`);
      expect({ stdout, stderr }).toMatchObject({ stdout: '120\n' });
      return async () => {};
    });
    await desk.arrive([full], 240);
    await desk.mend([full]);
  }, 900_000);

  test('when the kernel ends processes, a container is started again and again, and the agent is away', async () => {
    const killed = await desk.provoke(['OutOfMemory'], async () => {
      const limits = ['--network', 'none', '--memory', '24m', '--memory-swap', '24m'];
      const image = await inspect(space, 'edge', '{{.Config.Image}}');
      await docker(['run', '--rm', ...limits, '--entrypoint', 'bash', image, '-c', takesAll]);
      return async () => {};
    });
    await desk.arrive([killed], 300);
    await desk.mend([killed]);
    const again = await desk.provoke(['ContainerRestarts'], async () => {
      for (let times = 0; times < 3; times++) {
        await docker(['kill', names('nginx-exporter')]);
        await until('the agent starts it', async () => (await inspect(space, 'nginx-exporter', '{{.State.Running}}')) === 'true', 60);
        // Longer than the agent takes for cured.
        await sleep(15_000);
      }
      return async () => {};
    });
    const within = await desk.provoke(['ContainerOutOfMemory'], async () => {
      await inside(space, 'redis-exporter', takesAll);
      return async () => {};
    });
    // One about memory was told already: what joins its group waits for five minutes.
    await desk.arrive([again, within], 420);
    await desk.mend([again, within]);
    await desk.wave([[['AgentDown'], () => stopped('agent')]], 240);
  }, 1_500_000);

  test('when backups and drills fail, and memory is short, for a quarter of an hour', async () => {
    expect(slow).toHaveLength(2);
    try {
      await desk.arrive(slow, 1200);
    } finally {
      await desk.mend(slow);
    }
  }, 2_000_000);

  // The agent has restarted the container with the repository too: that is told for a quarter of an hour.
  test('and so do their ends', () => desk.ended(1500), 1_800_000);
});
