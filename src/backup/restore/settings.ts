import { chownSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { statOptional, writeAtomic } from '../../core/files.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import type { BackupContext } from '../repository/repository.ts';
import { mustRestic } from '../repository/restic.ts';

const FROM = '/source/settings/';

/**
 * Puts medianest.yml and the profiles beside it back as a set has them; what came since then stays. Nothing is applied.
 * @returns the files that were written, relative to the folder of medianest.yml
 */
export async function restoreSettings({ bench, local }: BackupContext, { root }: Loaded, set: BackupSet): Promise<string[]> {
  const { snapshot } = set.parts.files;
  const { stdout } = await mustRestic(bench, local, ['ls', '--no-lock', '--quiet', '--json', '--recursive', snapshot, FROM.slice(0, -1)], {
    name: 'ls',
  });
  const files = stdout.split('\n').flatMap((line) => {
    const node = line.startsWith('{') ? (JSON.parse(line) as { type?: string; path?: string; mode?: number }) : {};
    const name = node.type === 'file' && node.path?.startsWith(FROM) ? path.normalize(node.path.slice(FROM.length)) : '..';
    return name.startsWith('..') ? [] : [{ name, mode: (node.mode ?? 0o600) & 0o777 }];
  });
  for (const { name, mode } of files) {
    const text = await mustRestic(bench, local, ['dump', '--no-lock', '--quiet', snapshot, `${FROM}${name}`], { name: 'dump' });
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    const file = path.join(root, name);
    const { uid, gid } = statOptional(file) ?? statSync(root);
    // It may hold secrets, and is as private as it was: its owner reads it also where root restores.
    writeAtomic(file, text.stdout, mode, null);
    if (process.geteuid?.() === 0) chownSync(file, uid, gid);
  }
  return files.map(({ name }) => name);
}
