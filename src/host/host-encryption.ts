import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { startedProgram } from '../core/programs.ts';
import { type MountPoint, mountOf } from './host-mounts.ts';
import type { Encryption } from './plan/facts.ts';

/** What is asked of the machine; tests bring a recorded one. */
export interface MachineFiles {
  sys: string;
  mounts: readonly MountPoint[];
  /** Output of a program, or undefined where it is missing, fails or takes too long. */
  ask(program: string, ...args: string[]): string | undefined;
}

export function ask(program: string, ...args: string[]): string | undefined {
  const ended = startedProgram(program, args);
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 800, stdio: ['ignore', 'pipe', 'ignore'] });
  ended(status);
  return status === 0 ? stdout : undefined;
}

const STACKED: Record<string, string> = {
  ecryptfs: 'eCryptfs',
  'fuse.gocryptfs': 'gocryptfs',
  'fuse.encfs': 'EncFS',
  'fuse.cryfs': 'CryFS',
};

const REMOTE = /^(nfs4?|cifs|smb3|ceph|9p|virtiofs|fuse\.(sshfs|glusterfs|rclone))$/;

/** Whether what is written below a folder is encrypted by this machine before it reaches the disk. */
export function encryptionOf(folder: string, machine: MachineFiles): Encryption {
  const mount = mountOf(folder, machine.mounts);
  if (!mount) return { state: 'unknown', why: '/proc/self/mountinfo names no file system for it' };
  const stacked = STACKED[mount.type];
  if (stacked) return { state: 'encrypted', by: stacked };
  if (REMOTE.test(mount.type)) return { state: 'unknown', why: `it is on ${mount.type}, on another machine` };
  if (mount.type === 'tmpfs' || mount.type === 'ramfs') return { state: 'unknown', why: 'it is in memory, which may be swapped out' };
  if (mount.type === 'overlay') return { state: 'unknown', why: 'medianest runs in a container here' };
  if (mount.type === 'zfs') return zfs(mount.source, machine);
  const by = blockEncryption(deviceOf(mount), machine);
  if (by) return { state: 'encrypted', by };
  // fscrypt works by folder: the flag is on each.
  if (/^\S*E/.test(machine.ask('lsattr', '-d', folder) ?? '')) return { state: 'encrypted', by: `fscrypt on ${mount.type}` };
  if (by === undefined) return { state: 'unknown', why: `the device of ${mount.point} (${mount.source}) is not below /sys` };
  return { state: 'plain' };
}

function zfs(dataset: string, { ask }: MachineFiles): Encryption {
  const value = ask('zfs', 'get', '-H', '-o', 'value', 'encryption', dataset)?.trim();
  if (value === undefined) return { state: 'unknown', why: `zfs does not tell of the dataset ${dataset}` };
  return value === 'off' || value === '-' ? { state: 'plain' } : { state: 'encrypted', by: `ZFS ${value}` };
}

/** `254:0`. Btrfs has a number of its own, so its device's file is asked. */
function deviceOf(mount: MountPoint): string {
  if (!mount.device.startsWith('0:')) return mount.device;
  try {
    const { rdev } = statSync(mount.source);
    return `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`;
  } catch {
    return mount.device;
  }
}

/**
 * Follows a block device down to the disks: LVM, RAID and loop devices count as encrypted where all below them is.
 * @returns by what; '' where it is not; undefined where it is not known
 */
function blockEncryption(device: string, machine: MachineFiles): string | undefined {
  const folder = path.join(machine.sys, 'dev/block', device);
  const slaves = list(path.join(folder, 'slaves'));
  const backing = read(path.join(folder, 'loop/backing_file'));
  if (!slaves && read(`${folder}/dev`) === undefined) return undefined;
  const uuid = read(path.join(folder, 'dm/uuid')) ?? '';
  if (uuid.startsWith('CRYPT-')) return `${uuid.split('-')[1]} on ${read(path.join(folder, 'dm/name')) ?? device}`;
  if (backing) {
    const below = encryptionOf(backing, machine);
    return below.state === 'encrypted' ? below.by : below.state === 'plain' ? '' : undefined;
  }
  const below = (slaves ?? []).map((name) => blockEncryption(read(`${path.join(folder, 'slaves', name)}/dev`) ?? '', machine));
  return below.length > 0 && below.every(Boolean) ? below[0] : '';
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}
