import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOwnerRefusal, ownerlessName } from '../../../src/backup/plan/repository-disk.ts';
import { checkLocalFolder } from '../../../src/backup/repository/local-folder.ts';
import type { Context } from '../../../src/capability/capability.ts';
import type { Loaded } from '../../../src/settings/loaded.ts';
import { StateFolder } from '../../../src/state/state.ts';

describe('a disk for the repository', () => {
  it.each([
    [0x2011bab0, 'exFAT'],
    [0x4d44, 'FAT'],
    [0xef53, undefined],
    [0x58465342, undefined],
    [0x65735546, undefined],
  ])('with the number %i is known to keep no owners, or not', (type, name) => {
    expect(ownerlessName(type)).toBe(name);
    // As Node shows it where its sign bit is set.
    expect(ownerlessName(type | 0)).toBe(name);
  });
  it('is no disk without owners because it is full or read-only', () => {
    expect(['EPERM', 'EOPNOTSUPP', 'EINVAL'].map(isOwnerRefusal)).toEqual([true, true, true]);
    expect(['EROFS', 'EIO', undefined].map(isOwnerRefusal)).toEqual([false, false, false]);
  });
  it('that does not let its owner be set is refused in words, before anything is changed', async () => {
    const made = mkdtempSync(path.join(os.tmpdir(), 'medianest-disk-'));
    // The kernel keeps this folder empty, and lets no process give it away.
    const folder = '/proc/sys/fs/binfmt_misc';
    const loaded = { root: made, settings: { backup: { local: { kind: 'folder', path: folder, sameDisk: true } } } } as unknown as Loaded;
    const check = checkLocalFolder({ flags: { dryRun: false } } as Context, new StateFolder(made), loaded);
    await expect(check).rejects.toMatchObject({
      code: 'REPOSITORY_AWAY',
      message: expect.stringMatching(
        /^backup\.local names .*binfmt_misc, and its disk cannot hold a repository \(chown: EPERM\).*nothing was changed$/,
      ),
      hint: expect.stringContaining('ext4'),
    });
    rmSync(made, { recursive: true });
  });
});
