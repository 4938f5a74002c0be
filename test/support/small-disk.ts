import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { run } from './cli.ts';
import { inside } from './faults.ts';
import type { Workspace } from './workspace.ts';

export interface SmallDisk {
  /** Leaves no byte. */
  fill(): Promise<void>;
  free(): Promise<void>;
  /** Has the database begin segments of its WAL until it finds no room for another. */
  useUpWal(service: string): Promise<void>;
  remove(): Promise<void>;
}

/** Puts a service's data on a file system of its own, by the operator's override: before the first `up`. */
export async function smallDisk(space: Workspace, service: string, uid: number, mebibytes: number): Promise<SmallDisk> {
  // Not below the workspace, whose folder goes first.
  const device = mkdtempSync(path.join(os.tmpdir(), `medianest-disk-${service}-`));
  const filler = path.join(device, 'filler');
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,uid=${uid},gid=${uid},mode=0700`, 'tmpfs', device]);
  if (mounted.status !== 0) throw new Error(mounted.stderr);
  mkdirSync(space.state, { recursive: true });
  const file = path.join(space.state, 'compose.override.yml');
  const before = existsSync(file) ? (parse(readFileSync(file, 'utf8')) as { volumes: object }) : { volumes: {} };
  const volume = { driver_opts: { type: 'none', o: 'bind', device } };
  writeFileSync(file, stringify({ volumes: { ...before.volumes, [`${service}-data`]: volume } }));
  return {
    fill: async () => {
      const { bavail, bsize } = statfsSync(device);
      await run('fallocate', ['-l', String(bavail * bsize), filler]);
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
    },
  };
}
