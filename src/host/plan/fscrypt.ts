// What xfs_io prints about the kernel's encryption of folders (xfsprogs, io/encrypt.c).

/** What a folder is encrypted by: the identifier of a key, or nothing. */
export interface Policy {
  key: string | undefined;
}

/** `busy`: the key was removed, and files that were open then can still be read. */
export type KeyState = 'present' | 'absent' | 'busy';

/** Whether a file system can encrypt, and what to do where it cannot. */
export interface Support {
  state: 'ready' | 'no-program' | 'off' | 'unsupported' | 'unknown';
  message: string;
  remedy: string;
}

const SWITCH_ON =
  'switch it on, which changes no file and needs no unmounting: sudo tune2fs -O encrypt DEVICE (findmnt -no SOURCE --target FOLDER names it); or set `storage.path` to a file system that was made with mkfs.ext4 -O encrypt';
const OTHER = 'set `storage.path` to a folder on ext4 or f2fs; docs/encryption.md says how one is made in a file';

/** @param text what `get_encpolicy` or a command that changes something has printed */
export function readSupport(text: string): Support {
  if (/Encryption policy for|No data available/.test(text)) return { state: 'ready', message: 'it can encrypt folders', remedy: '' };
  if (/Operation not supported/.test(text))
    return {
      state: 'off',
      message: 'its feature `encrypt` is off, or the kernel was built without CONFIG_FS_ENCRYPTION',
      remedy: SWITCH_ON,
    };
  if (/Inappropriate ioctl|Function not implemented/.test(text))
    return { state: 'unsupported', message: 'it has no encryption of folders', remedy: OTHER };
  return { state: 'unknown', message: text || 'xfs_io says nothing', remedy: 'see that its disk is mounted and sound: dmesg says more' };
}

/** Undefined where the text does not tell. */
export function readPolicy(text: string): Policy | undefined {
  const [, key] = /Master key identifier: ([0-9a-f]{32})/.exec(text) ?? [];
  if (key) return { key };
  return /No data available|Operation not supported|Inappropriate ioctl/.test(text) ? { key: undefined } : undefined;
}

/** Undefined where the text does not tell. */
export function readKeyState(text: string): KeyState | undefined {
  const [word] = /^(Present|Absent|Incompletely removed)/m.exec(text) ?? [];
  return ({ Present: 'present', Absent: 'absent', 'Incompletely removed': 'busy' } as const)[word as 'Present'];
}
