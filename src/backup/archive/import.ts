import { createReadStream, statSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { statOptional } from '../../core/files.ts';
import { shown, type Task } from '../../core/reporter.ts';
import { unlessFull } from '../../images/full-disk.ts';
import { withLock } from '../../project/with-lock.ts';
import { databaseFolder, keyVersionOf, living } from '../../services/backup/settings/key-versions.ts';
import { containersOf } from '../../stack/roles.ts';
import { type ArchivedSet, type Catalogue, isDump, isGood } from '../plan/backup-sets.ts';
import { refuseDumps } from '../plan/dump.ts';
import { databaseShare, withImported } from '../plan/set-archive.ts';
import { readCatalogue } from '../repository/catalogue.ts';
import { type Job, jobError, mustRun, removeJobs, runJob } from '../repository/job.ts';
import { type BackupContext, backupContext, inServer, latestSets, saveCatalogue } from '../repository/repository.ts';
import { mustRestic, openRepository, RESTIC, type Repository, restic } from '../repository/restic.ts';
import { feedJob } from '../repository/stream-job.ts';
import { labelProblem } from './prove-labels.ts';
import { type ArchiveFacts, archiveDamaged, readSetArchive } from './reader.ts';

export interface ImportOutcome {
  backup: string;
  file: string;
  bytes: number;
  files: number;
  result: 'imported' | 'there-already' | 'planned';
  seconds: number;
}

/** Where it is received, on the repository's own disk: what is taken over is only renamed. */
const PART = '/srv/backups/import.part';
const ROOM = 'free some space there, and run the same command again: an import needs room for the archive, and for its files once more';

export type CheckedArchive = ArchiveFacts & { file: string };

/** Reads an archive to its end. @throws UserError ARCHIVE_DAMAGED */
export async function checkArchive(context: Context, given: string): Promise<CheckedArchive> {
  const file = path.resolve(context.cwd, given);
  if (!statOptional(file)?.isFile())
    throw new UserError('USAGE', `there is no file ${file}`, 'name the archive that `medianest backup export` wrote');
  const facts = await shown(context.report, `read ${file}`, (task) =>
    readSetArchive(file, reading(file, context.signal), progress(file, task)),
  ).catch((error) => {
    throw context.signal.aborted ? new UserError('INTERRUPTED', 'interrupted', 'run the same command again') : error;
  });
  return { file, ...facts };
}

const reading = (file: string, signal: AbortSignal) => createReadStream(file, { signal, highWaterMark: 1024 ** 2 });

function progress(file: string, task: Task): (piece: Buffer) => Promise<void> {
  const whole = statSync(file).size;
  let read = 0;
  return async ({ length }) => {
    read += length;
    task.detail(`${Math.floor((100 * read) / whole)} %`);
  };
}

/** Takes a set from its archive, which was checked, into the repository, from where it can be restored as any other. */
export async function importSet(context: Context, project: Project, archive: CheckedArchive): Promise<ImportOutcome> {
  const started = context.clock.now().getTime();
  const { file, bytes, files } = archive;
  return withLock(context, project.state, `backup import ${file}`, async (lock, record) => {
    const backups = await backupContext(context, project, { lock });
    const { bench } = backups;
    refuseDumps(backups, 'an archive holds what pgBackRest made');
    await removeJobs(bench);
    await refuseOther(backups, archive);
    const seconds = () => (context.clock.now().getTime() - started) / 1000;
    if (context.flags.dryRun) return { backup: '', file, bytes, files, result: 'planned', seconds: seconds() };
    record(['import', archive.sha256]);
    const step = <T>(title: string, work: (task: Task) => Promise<T>) => shown(context.report, title, work);
    try {
      await step('receive it', async (task) => receive(backups, archive, progress(file, task)));
      const received = await step('open it', () => examine(backups, file));
      const { set } = received;
      const catalogue: Catalogue = (await latestSets(backups)) ?? { repository: archive.repository, sets: [] };
      const known = catalogue.sets.find(({ id }) => id === set.id);
      const replace = known !== undefined && !isGood(known);
      await haltServer(context, backups);
      await step(`take ${set.id} into the repository`, () =>
        unlessFull('the disk of the repository is full; the set is not listed', ROOM, () => adopt(backups, received, replace)),
      );
      const snapshot = await snapshotOf(backups, file, set);
      const imported = { ...set, parts: { ...set.parts, files: { ...set.parts.files, snapshot } } };
      await saveCatalogue(backups, { ...catalogue, sets: withImported(catalogue.sets, imported, context.clock.now().toISOString()) });
      return { backup: set.id, file, bytes, files, result: known && !replace ? 'there-already' : 'imported', seconds: seconds() };
    } finally {
      await removeJobs(bench);
      await runJob({ ...bench, signal: new AbortController().signal }, own(backups, 'clear'));
    }
  });
}

const own = ({ mount }: BackupContext, command: string, environment: Record<string, string> = {}, labels: readonly string[] = []): Job => ({
  name: `import-${command}`,
  argv: ['import-set', command, ...labels],
  mounts: [mount],
  environment,
});

/** Only the repository that it belongs to, or an empty one, may take it. @throws UserError REPOSITORY_AWAY */
async function refuseOther(backups: BackupContext, { file, repository }: CheckedArchive): Promise<void> {
  const { bench } = backups;
  const mounts = [{ ...backups.mount, readOnly: true }];
  const here = (await mustRun(bench, { name: 'identity', argv: ['identity'], mounts })).stdout.trim();
  const known = readCatalogue(bench.state)?.repository ?? repository;
  if (here === repository && known === repository) return;
  const archive = `/srv/backups/${databaseFolder(backups.generations.current)}/archive`;
  const used = (await runJob(bench, { name: 'used', argv: ['test', '-e', archive], mounts })).exitCode === 0;
  if (here === '' && !used && known === repository) return;
  throw new UserError(
    'REPOSITORY_AWAY',
    here === ''
      ? `the repository belongs to a newer database, and ${file} is of another; nothing was changed`
      : `${file} is of another repository (${repository}) than the one here (${here === repository ? known : here}); nothing was changed`,
    'take it into an empty repository, on a bare host: medianest restore --kit KIT --archive FILE',
  );
}

async function receive(backups: BackupContext, { file, sha256 }: CheckedArchive, onPiece: (piece: Buffer) => Promise<void>): Promise<void> {
  const { bench } = backups;
  // Looked at again: another file may stand there by now.
  const again = await unlessFull('the disk of the repository is full; nothing was changed', ROOM, () =>
    feedJob(bench, own(backups, 'receive'), (send) =>
      readSetArchive(file, reading(file, bench.signal), async (piece) => {
        await send(piece);
        await onPiece(piece);
      }),
    ),
  );
  if (again.sha256 !== sha256) throw archiveDamaged(file, 'it was changed meanwhile');
}

interface Received {
  set: ArchivedSet;
  generation: number;
  labels: string[];
}

const parted = (backups: BackupContext): Repository => ({ location: `${PART}/files`, mounts: [backups.mount] });

/** What it says of itself, by our keys. @throws UserError where they are not its own */
async function examine(backups: BackupContext, file: string): Promise<Received> {
  const { bench } = backups;
  const dump = ['dump', '--no-lock', '--quiet', '--tag', 'catalogue', 'latest', 'backups.json'];
  const listed = await restic(bench, parted(backups), dump, { name: 'catalogue' });
  if (listed.exitCode !== 0) throw archiveDamaged(file, jobError('its list of sets', listed).message);
  const [set] = (JSON.parse(listed.stdout) as Catalogue).sets;
  if (!set || isDump(set)) throw archiveDamaged(file, 'it contains no set');
  const generation = keyVersionOf(set.parts.db);
  const environment = { REPOSITORY: `${PART}/${databaseFolder(generation)}`, GENERATION: String(generation) };
  const mounts = [{ ...backups.mount, readOnly: true }];
  const info = await runJob(bench, { name: 'info', argv: ['database-repository', 'info', '--output=json'], mounts, environment });
  // With another key it ends well, and says of the stanza that there was an error.
  const opens = info.exitCode === 0 && !/"status":\{"code":99,/.test(info.stdout);
  if (!opens || !living(backups.generations).includes(generation))
    throw new UserError(
      'REPOSITORY_AWAY',
      `the database in ${file} cannot be opened with the key that is here; nothing was changed`,
      'use the recovery kit that was valid when it was exported',
    );
  const share = databaseShare(info.stdout, set.parts.db.label);
  if (!share) throw archiveDamaged(file, `the database’s part ${set.parts.db.label} is not all there`);
  // The author of the file wrote the checksums; only what opens with our keys proves that we are the author.
  const problem = await labelProblem(backups, share.labels, environment);
  if (problem) throw archiveDamaged(file, problem);
  return { set, generation, labels: share.labels };
}

async function haltServer(context: Context, backups: BackupContext): Promise<void> {
  const engine = await context.engine();
  const server = containersOf(await engine.observe(backups.bench.project), backups.stack.services, 'repository')[0];
  if (server?.state === 'running') await inServer(backups, ['halt'], 'an earlier backup could not be ended');
}

/** Its files are renamed into their places, pgBackRest notes what is new there, and restic copies what it does not have. */
async function adopt(backups: BackupContext, { set, generation, labels }: Received, replace: boolean): Promise<void> {
  const { bench, local, mount } = backups;
  await mustRun(bench, own(backups, 'adopt', { FOLDER: databaseFolder(generation), REPLACE: replace ? 'yes' : 'no' }, labels));
  await mustRun(bench, {
    name: 'expire',
    argv: ['database-repository', 'expire'],
    mounts: [mount],
    environment: { GENERATION: String(generation) },
  });
  const from = ['--from-repo', `${PART}/files`, '--from-password-file', '/run/secrets/backup-files-key'];
  const found = await restic(bench, local, ['cat', 'config']);
  if (found.exitCode === RESTIC.noRepository) await mustRestic(bench, local, ['init', '--quiet', ...from, '--copy-chunker-params']);
  await openRepository(bench, local);
  await mustRestic(bench, local, ['copy', '--quiet', ...from, '--tag', `set,${set.id}`]);
}

/** The copy has another name than what it is a copy of. */
async function snapshotOf(backups: BackupContext, file: string, { id }: ArchivedSet): Promise<string> {
  const { stdout } = await mustRestic(backups.bench, backups.local, ['snapshots', '--json', '--tag', `set,${id}`]);
  const newest = (JSON.parse(stdout) as { short_id: string }[]).at(-1)?.short_id;
  if (!newest) throw archiveDamaged(file, 'its files are not there');
  return newest;
}
