import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { run } from '../cli.ts';
import { inside } from '../data/faults.ts';
import type { Workspace } from '../workspace.ts';

export interface SmallDisk {
  device: string;
  /** Leaves no byte. */
  fill(): Promise<void>;
  /** Leaves so many bytes. */
  leave(bytes: number): Promise<void>;
  free(): Promise<void>;
  /** Has the database begin segments of its WAL until it finds no room for another. */
  useUpWal(service: string): Promise<void>;
  remove(): Promise<void>;
}

/** In memory, or, where so much would not fit into a container's, in a file: for at most so many files. */
async function mountAt(device: string, uid: number, mebibytes: number, files: number | undefined): Promise<void> {
  const must = async (command: string, args: string[]) => {
    const { status, stderr } = await run(command, args);
    if (status !== 0) throw new Error(stderr);
  };
  if (files === undefined)
    return must('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,uid=${uid},gid=${uid},mode=0700`, 'tmpfs', device]);
  await must('truncate', ['--size', `${mebibytes}M`, `${device}.img`]);
  await must('mkfs.ext4', ['-q', '-m', '0', '-N', String(files), '-O', '^has_journal', '-E', `root_owner=${uid}:${uid}`, `${device}.img`]);
  await must('mount', ['-o', 'loop', `${device}.img`, device]);
}

/** Puts a volume on a file system of its own, by the operator's override: before the first `up`. @param files on a disk that is a file */
export async function smallDisk(space: Workspace, volumeName: string, uid: number, mebibytes: number, files?: number): Promise<SmallDisk> {
  // Not below the workspace, whose folder goes first.
  const device = mkdtempSync(path.join(os.tmpdir(), `medianest-disk-${volumeName}-`));
  const filler = path.join(device, 'filler');
  await mountAt(device, uid, mebibytes, files);
  mkdirSync(space.state, { recursive: true });
  const file = path.join(space.state, 'compose.override.yml');
  const before = existsSync(file) ? (parse(readFileSync(file, 'utf8')) as { volumes: object }) : { volumes: {} };
  const volume = { driver_opts: { type: 'none', o: 'bind', device } };
  writeFileSync(file, stringify({ volumes: { ...before.volumes, [volumeName]: volume } }));
  const take = async (leave: number) => {
    const { bavail, bsize } = statfsSync(device);
    await run('fallocate', ['-l', String(bavail * bsize - leave), filler]);
  };
  return {
    device,
    leave: take,
    fill: async () => {
      await take(0);
      // What a concurrent writer has left of it.
      await run('dd', ['if=/dev/zero', `of=${filler}.rest`, 'bs=4k']);
    },
    free: async () => {
      for (const name of [filler, `${filler}.rest`]) rmSync(name, { force: true });
    },
    useUpWal: async (member) => {
      const step = `psql -X -q -h /run/postgresql -U postgres -c 'CREATE TABLE IF NOT EXISTS fault_wal (x text); INSERT INTO fault_wal VALUES (1)' -c 'SELECT pg_switch_wal()'`;
      for (let segments = 0; segments < 60; segments++) if ((await inside(space, member, step)).status !== 0) return;
      throw new Error(`${member} still finds room for its WAL`);
    },
    remove: async () => {
      await run('umount', ['--lazy', device]);
      rmSync(device, { recursive: true, force: true });
      rmSync(`${device}.img`, { force: true });
    },
  };
}
