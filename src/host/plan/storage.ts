import type { StorageFacts } from './facts.ts';
import { type Examination, type Finding, fail, ok, warn } from './finding.ts';

const NETWORKED = [
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'smbfs',
  'ceph',
  'glusterfs',
  'fuse.glusterfs',
  'fuse.sshfs',
  '9p',
  'davfs',
  'fuse.rclone',
];
/** Without owners, modes or links as containers need them. */
const FOREIGN = ['vfat', 'exfat', 'ntfs', 'ntfs3', 'fuseblk', 'hfsplus', 'msdos'];

const NAMES = { engine: 'the data of containers', state: 'the state folder' } as const;

export const examineFileSystems: Examination = ({ host }) =>
  (Object.keys(NAMES) as (keyof typeof NAMES)[]).flatMap((key) => {
    const storage = host.storage[key];
    if (!storage) return [];
    return [...typeFindings(key, storage), encryptionFinding(key, storage, key === 'engine' && host.encrypted !== undefined)];
  });

export function typeFindings(key: keyof typeof NAMES, { type, point, options, path }: StorageFacts): Finding[] {
  const id = `filesystem.${key}`;
  const what = `${NAMES[key]} (${path})`;
  if (FOREIGN.includes(type))
    return [
      fail(
        id,
        `${what} is on ${type}, which has no owners and modes: secrets would be readable by all`,
        'move it to ext4, XFS, Btrfs or ZFS',
      ),
    ];
  if (NETWORKED.includes(type)) {
    const why =
      key === 'engine'
        ? 'databases lose data there when the server restarts, and overlay2 does not work on it'
        : 'root is often mapped to nobody there (root_squash), so that secrets cannot be given to the containers’ users, and locks are unreliable';
    const remedy =
      key === 'engine'
        ? 'set "data-root" in /etc/docker/daemon.json to a local disk; media libraries go on NFS by `app.media`'
        : 'choose a folder on a local disk with --state';
    return [(key === 'engine' ? fail : warn)(id, `${what} is on ${type}: ${why}`, remedy)];
  }
  if (type === 'tmpfs' || type === 'ramfs')
    return [
      warn(
        id,
        `${what} is in memory (${type} on ${point}): it is lost after a restart`,
        key === 'engine' ? 'set "data-root" in /etc/docker/daemon.json to a disk' : 'choose a folder on a disk with --state',
      ),
    ];
  if (options.includes('ro'))
    return [fail(id, `${what} is on ${point}, which is mounted read-only`, 'mount it for writing, or choose another folder with --state')];
  return [ok(id, `${what} is on ${type}`)];
}

/** @param apart the volumes of the stack have an encryption of their own */
function encryptionFinding(key: keyof typeof NAMES, { encryption, path }: StorageFacts, apart: boolean): Finding {
  const id = `encryption.${key}`;
  const what = `${NAMES[key]} (${path})${apart ? ', which `storage.encrypt` leaves as it is beside the volumes,' : ''}`;
  switch (encryption.state) {
    case 'encrypted':
      return ok(id, `${what} is encrypted (${encryption.by})`);
    case 'plain':
      return warn(
        id,
        `${what} is not encrypted by this machine: who takes the disk can read it (what a cloud provider or the disk itself encrypts cannot be seen from here)`,
        'put it on a LUKS volume or an encrypted ZFS dataset; docs/security.md says how',
      );
    case 'unknown':
      return warn(
        id,
        `whether ${what} is encrypted cannot be told: ${encryption.why}`,
        'look for yourself: lsblk -o NAME,TYPE,MOUNTPOINTS shows `crypt` above the disk',
      );
  }
}
