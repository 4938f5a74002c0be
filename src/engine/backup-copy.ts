import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { BackupSet, Catalogue } from '../plan/backup-sets.ts';
import { backupSummary } from '../plan/restic.ts';
import { type BackupRoom, storeCatalogue } from './backup-room.ts';
import { checkFolder } from './repository-check.ts';
import { mustRestic, openRepository, type Repository } from './restic.ts';

/**
 * Brings a set into another repository: the snapshot of its files, and the database's repository as it is now, which is
 * encrypted already. WAL is not pushed there by the database itself: it would keep all of it while that place is away.
 */
export async function copySet(
  context: Context,
  room: BackupRoom,
  copy: Repository,
  set: BackupSet,
  catalogue: Catalogue,
): Promise<NonNullable<BackupSet['copies']['offsite']>> {
  const { bench, local } = room;
  const name = copy.name as 'offsite' | 'vault';
  const [folder] = copy.mounts;
  if (folder) await checkFolder(context, folder.source, `backup.${name}`, room.settings[name].sameDisk);
  await openRepository(bench, copy, local);
  const from = ['--from-repo', local.location];
  await mustRestic(bench, copy, ['copy', '--quiet', ...from, set.parts.files.snapshot], { mounts: local.mounts });
  const tags = ['--host', bench.project, '--tag', 'database', '--tag', set.id];
  const stored = await mustRestic(bench, copy, ['backup', '--json', '--quiet', ...tags, '/srv/backups/pgbackrest'], {
    mounts: local.mounts,
    name: 'database',
  });
  const done = { at: context.clock.now().toISOString(), database: backupSummary(stored.stdout).snapshot };
  const sets = catalogue.sets.filter(({ id, copies }) => id === set.id || (copies[name] && !copies[name].error));
  await storeCatalogue(room, copy, {
    ...catalogue,
    sets: sets.map((one) => (one.id === set.id ? { ...one, copies: { ...one.copies, [name]: done } } : one)),
  });
  if (bench.signal.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again');
  return done;
}
