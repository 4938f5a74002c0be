import { UserError } from '../../core/errors.ts';

/** File systems that keep neither owners nor links, by their numbers in statfs(2). */
const OWNERLESS: Readonly<Record<number, string>> = { 19780: 'FAT', 538032816: 'exFAT' };

/** The name of a file system that cannot hold a repository; undefined where that is not known of it. */
export const ownerlessName = (type: number): string | undefined => OWNERLESS[type >>> 0];

/** How chown(2) fails where a disk or server keeps no owners, or does not let them be set. */
const KEEPS_NONE: readonly string[] = ['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

export const isOwnerRefusal = (code: string | undefined): boolean => code !== undefined && KEEPS_NONE.includes(code);

/** @param what the file system, or what was refused */
export const ownerlessRefusal = (folder: string, setting: string, what: string, uid: number, cause?: unknown): UserError =>
  new UserError(
    'REPOSITORY_AWAY',
    `${setting} names ${folder}, and its disk cannot hold a repository (${what}): the repository has an owner (user ${uid}) and links, which FAT, exFAT and some mounts of NTFS and network shares do not keep; nothing was changed`,
    `format the disk with ext4, xfs or btrfs; on a share, give the folder to that user on the server (chown ${uid}:${uid}), and run the same command again`,
    { path: folder, ...(cause !== undefined && { cause }) },
  );
