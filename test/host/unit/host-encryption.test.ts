import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { encryptionOf } from '../../../src/host/host-encryption.ts';
import { mountOf, parseMounts } from '../../../src/host/host-mounts.ts';

/** /sys as recorded on machines with these disks: a device's folder, its numbers, what device-mapper says, and what is below it. */
const sys = mkdtempSync(path.join(os.tmpdir(), 'medianest-sys-'));
afterAll(() => rmSync(sys, { recursive: true, force: true }));

function device(number: string, files: Record<string, string> = {}, below: string[] = []): void {
  const folder = path.join(sys, 'dev/block', number);
  mkdirSync(path.join(folder, 'slaves'), { recursive: true });
  for (const [name, text] of Object.entries({ dev: number, ...files })) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), `${text}\n`);
  }
  for (const name of below) symlinkSync(path.join('../..', name), path.join(folder, 'slaves', name.replace(':', '-')));
}
device('8:1');
device('8:2');
device('252:0', { 'dm/uuid': 'CRYPT-LUKS2-0123-luks', 'dm/name': 'cryptroot' }, ['8:2']);
device('252:1', { 'dm/uuid': 'LVM-abc', 'dm/name': 'vg-root' }, ['252:0']);
device('252:2', { 'dm/uuid': 'LVM-def', 'dm/name': 'vg-span' }, ['252:0', '8:1']);
device('9:0', {}, ['252:0']);
device('7:0', { 'loop/backing_file': '/lvm/disk.img' });

const MOUNTS = parseMounts(`
1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw
2 1 252:0 / /luks rw - ext4 /dev/mapper/cryptroot rw
3 1 252:1 / /lvm rw shared:3 - xfs /dev/mapper/vg-root rw
4 1 252:2 / /span rw - ext4 /dev/mapper/vg-span rw
5 1 9:0 / /raid rw - ext4 /dev/md0 rw
6 1 7:0 / /loop rw - ext4 /dev/loop0 rw
7 1 0:40 / /tank/safe rw - zfs tank/safe rw
8 1 0:41 / /tank/open rw - zfs tank/open rw
9 1 0:42 / /nas rw - nfs4 nas:/data rw
10 1 0:43 / /gocrypt rw - fuse.gocryptfs /secret rw
11 1 0:44 / /with\\040space rw - tmpfs tmpfs rw
12 1 259:9 / /nowhere rw - ext4 /dev/nvme9 rw
13 1 0:45 / /container rw - overlay overlay rw
`);

const ask = (program: string, ...args: string[]): string | undefined => {
  if (program === 'zfs') return args.at(-1) === 'tank/safe' ? 'aes-256-gcm\n' : 'off\n';
  if (program === 'lsattr') return args.at(-1) === '/home/vault' ? '-----------E-------- /home/vault\n' : '--------------e------- /x\n';
  return undefined;
};

it.each([
  ['/srv', { state: 'plain' }],
  ['/luks/docker', { state: 'encrypted', by: 'LUKS2 on cryptroot' }],
  ['/lvm', { state: 'encrypted', by: 'LUKS2 on cryptroot' }],
  ['/span', { state: 'plain' }],
  ['/raid', { state: 'encrypted', by: 'LUKS2 on cryptroot' }],
  ['/loop', { state: 'encrypted', by: 'LUKS2 on cryptroot' }],
  ['/home/vault', { state: 'encrypted', by: 'fscrypt on ext4' }],
  ['/tank/safe/docker', { state: 'encrypted', by: 'ZFS aes-256-gcm' }],
  ['/tank/open', { state: 'plain' }],
  ['/gocrypt', { state: 'encrypted', by: 'gocryptfs' }],
  ['/nas/x', { state: 'unknown', why: expect.stringContaining('another machine') }],
  ['/with space', { state: 'unknown', why: expect.stringContaining('memory') }],
  ['/container', { state: 'unknown', why: expect.stringContaining('container') }],
  ['/nowhere', { state: 'unknown', why: expect.stringContaining('/dev/nvme9') }],
])('%s', (folder, expected) => {
  expect(encryptionOf(folder, { sys, mounts: MOUNTS, ask })).toEqual(expected);
});

it('takes the deepest mount, and of two in one place the last', () => {
  const mounts = parseMounts(
    '1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 / /a rw - ext4 b rw\n3 1 8:1 / /a rw - ext4 c rw\n4 1 8:1 / /a/b rw - xfs d rw\n',
  );
  expect([mountOf('/a/x', mounts)?.source, mountOf('/a/b/x', mounts)?.source, mountOf('/ab', mounts)?.source]).toEqual(['c', 'd', 'a']);
});
