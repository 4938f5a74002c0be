import { renameSync, rmSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { exists, statOptional, writeAtomic } from '../../core/files.ts';
import { bytes } from '../../core/plural.ts';
import { shown } from '../../core/reporter.ts';
import { createVolume, refuseForeignVolumes } from '../../docker/volume.ts';
import { unlessFull } from '../../images/full-disk.ts';
import { withLock } from '../../project/with-lock.ts';
import { databaseFolder, keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';
import { type ArchivedSet, archivedSets, isGood } from '../plan/backup-sets.ts';
import { refuseDumps } from '../plan/dump.ts';
import { chooseTarget } from '../plan/restore-target.ts';
import { type DatabaseShare, databaseShare, recipe } from '../plan/set-archive.ts';
import { type JobMount, mustRun, removeJobs } from '../repository/job.ts';
import { type BackupContext, backupContext, knownSets, readArchive } from '../repository/repository.ts';
import { mustRestic, type Repository } from '../repository/restic.ts';
import { readJob } from '../repository/stream-job.ts';
import { labelProblem } from './prove-labels.ts';
import { readSetArchive } from './reader.ts';

export interface ExportOutcome {
  backup: string;
  file: string;
  /** A page to print, and the sum of the archive. */
  page: string;
  sum: string;
  bytes: number;
  sha256: string;
  files: number;
  /** How long it took. */
  seconds: number;
  recipe: string;
  result: 'exported' | 'planned';
}

/** In jobs: temporary data of an archive. */
const STAGE = '/stage';
const ROOM =
  'free some space, or choose another disk with --to: an export needs disk space for the archive there, and for its files once more in Docker’s volumes';

/**
 * Writes one set with all that it is made from into a file, which is a small repository of its own.
 * @param id the newest good one where not given @param rest also the WAL after it, so that moments can be restored
 */
export async function exportSet(
  context: Context,
  project: Project,
  id: string | undefined,
  out: string,
  rest: boolean,
): Promise<ExportOutcome> {
  const file = path.resolve(context.cwd, out);
  refuseThere(file);
  const started = context.clock.now();
  const outcome = (set: ArchivedSet, more: Partial<ExportOutcome> = {}): ExportOutcome => ({
    backup: set.id,
    ...{ file, page: `${file}.txt`, sum: `${file}.sha256`, bytes: 0, sha256: '', files: 0, recipe: '', result: 'exported' },
    seconds: (context.clock.now().getTime() - started.getTime()) / 1000,
    ...more,
  });
  if (context.flags.dryRun) {
    const backups = await backupContext(context, project);
    refuseDumps(backups, NO_DUMPS);
    await refuseTakenStage(context, backups);
    return outcome((await chosen(context, backups, id, rest)).set, { result: 'planned' });
  }
  return withLock(context, project.state, `backup export ${id ?? ''} --to ${file}`, async (lock, record) => {
    const backups = await backupContext(context, project, { lock });
    refuseDumps(backups, NO_DUMPS);
    await refuseTakenStage(context, backups);
    await removeJobs(backups.bench);
    const { set, repository } = await chosen(context, backups, id, rest);
    record(['export', set.id, file]);
    const { project: name, docker } = backups.bench;
    const stage: JobMount = { source: stageOf(name), target: STAGE, kind: 'volume', readOnly: false };
    try {
      const share = await proven(context, backups, set);
      const text = recipe(set, {
        ...{ file: path.basename(file), repository, madeAt: started.toISOString() },
        wal: rest ? 'all that came after it too' : 'as much as the database needs',
      });
      // What a killed run has left is of no use.
      await docker.run(['volume', 'rm', '--force', stage.source]);
      await createVolume(stage.source, { [LABEL.project]: name, [LABEL.job]: EXPORT }, docker);
      const size = await gather(context, backups, stage, { set, share, repository, text, rest });
      const facts = await write(context, backups, stage, file, size);
      writeAtomic(`${file}.sha256`, `${facts.sha256}  ${path.basename(file)}\n`, 0o644, 'with --to');
      writeAtomic(`${file}.txt`, text, 0o644, 'with --to');
      refuseThere(file);
      renameSync(`${file}.part`, file);
      return outcome(set, { bytes: facts.bytes, sha256: facts.sha256, files: facts.files, recipe: text });
    } finally {
      await removeJobs(backups.bench);
      await docker.run(['volume', 'rm', '--force', stage.source]);
      rmSync(`${file}.part`, { force: true });
    }
  });
}

const NO_DUMPS = 'an archive is made of what pgBackRest made';
const EXPORT = 'export';
const stageOf = (project: string): string => volumeName(project, EXPORT);

/** The volume of an export is removed before it and after it. @throws UserError FOREIGN_PROJECT where it is another one's */
const refuseTakenStage = async (context: Context, { bench: { project } }: BackupContext): Promise<void> =>
  refuseForeignVolumes(await context.engine(), [stageOf(project)], { kind: 'job', project, job: EXPORT });

const folderOf = ({ parts }: ArchivedSet): string => databaseFolder(keyVersionOf(parts.db));

function refuseThere(file: string): void {
  if (exists(file))
    throw new UserError('ALREADY_THERE', `${file} is there already, and is not overwritten`, 'choose another name with --to');
  if (!statOptional(path.dirname(file))?.isDirectory())
    throw new UserError('USAGE', `there is no folder ${path.dirname(file)}; nothing was written`, 'mount the disk, or make the folder');
}

async function chosen(context: Context, backups: BackupContext, id: string | undefined, rest: boolean) {
  const known = await knownSets(backups);
  const sets = archivedSets(known?.sets ?? []);
  const newest = sets.filter(isGood).at(-1)?.id;
  const { gaps } = await readArchive(backups, sets);
  const { set } = chooseTarget<ArchivedSet>(sets, { set: id ?? newest, to: undefined }, context.clock.now(), gaps);
  if (
    rest &&
    gaps.some(({ after, generation }) => generation === set.parts.db.generation && after.slice(8) >= set.parts.db.walStart.slice(8))
  )
    throw new UserError(
      'NO_BACKUP',
      `WAL is missing after ${set.id}; nothing was written`,
      'export it without --with-wal: the set itself is complete',
    );
  return { set, repository: known?.repository as string };
}

/** What pgBackRest has to read again and find good, before it goes into a drawer. restic does that while it copies. */
async function proven(context: Context, backups: BackupContext, set: ArchivedSet): Promise<DatabaseShare> {
  const mounts = [{ ...backups.mount, readOnly: true }];
  const { label } = set.parts.db;
  const environment = { GENERATION: String(keyVersionOf(set.parts.db)) };
  const { stdout } = await mustRun(backups.bench, {
    name: 'info',
    argv: ['database-repository', 'info', '--output=json'],
    mounts,
    environment,
  });
  const share = databaseShare(stdout, label);
  const damaged = (why: string) =>
    new UserError(
      'BACKUP_DAMAGED',
      `${set.id} is damaged: ${why}; nothing was written`,
      'medianest backup verify notes it; export another, or make a new one: medianest backup --type full',
    );
  if (!share) throw damaged(`the database’s part ${label}, or one that it is made from, is missing`);
  const problem = await shown(context.report, `read ${set.id} again`, () => labelProblem(backups, share.labels, environment));
  if (problem) throw damaged(problem);
  return share;
}

interface Wanted {
  set: ArchivedSet;
  share: DatabaseShare;
  repository: string;
  text: string;
  rest: boolean;
}

/** Makes what is not in the repository as it is: a repository of restic with this snapshot alone, the list of sets, the sums. @returns the archive’s size */
async function gather(
  context: Context,
  backups: BackupContext,
  stage: JobMount,
  { set, share, repository, text, rest }: Wanted,
): Promise<number> {
  const { bench } = backups;
  const source = { ...backups.mount, readOnly: true };
  await mustRun(bench, { name: 'own', argv: ['chown', '10002:10002', STAGE], mounts: [stage], capabilities: ['CHOWN'] });
  const staged: Repository = { location: `${STAGE}/files`, mounts: [stage, source] };
  const from = ['--from-repo', backups.local.location, '--from-password-file', '/run/secrets/backup-files-key'];
  return unlessFull('the disk of Docker’s volumes is full; the partial export was removed', ROOM, () =>
    shown(context.report, `gather ${set.id}`, async () => {
      await mustRestic(bench, staged, ['init', '--quiet', ...from, '--copy-chunker-params', '--no-lock']);
      await mustRestic(bench, staged, ['copy', '--quiet', '--no-lock', ...from, set.parts.files.snapshot]);
      const names = ['--stdin', '--stdin-filename', 'backups.json', '--tag', 'catalogue', '--host', bench.project];
      const alone = { repository, sets: [{ ...set, parts: { ...set.parts, db: { ...set.parts.db, references: others(share, set) } } }] };
      await mustRestic(bench, staged, ['backup', '--quiet', ...names], { input: JSON.stringify(alone), name: 'catalogue' });
      const { stdout } = await mustRun(bench, {
        name: 'gather',
        argv: ['export-set', 'gather', ...share.labels],
        mounts: [source, stage],
        environment: {
          ...{
            FOLDER: folderOf(set),
            ARCHIVE: share.archive,
            FIRST: set.parts.db.walStart,
            LAST: set.parts.db.walStop,
            REST: rest ? 'yes' : 'no',
          },
        },
        input: text,
      });
      return Number(stdout.trim());
    }),
  );
}

const others = ({ labels }: DatabaseShare, set: ArchivedSet): string[] => labels.filter((label) => label !== set.parts.db.label);

/** The archive is read as it is written: what is in the file is what the sums say. */
async function write(context: Context, backups: BackupContext, stage: JobMount, file: string, size: number) {
  const partial = `${file}.part`;
  const { bavail, bsize } = statfsSync(path.dirname(file));
  if (bavail * bsize < size)
    throw new UserError(
      'DISK_FULL',
      `the archive needs ${bytes(size)}, and there are ${bytes(bavail * bsize)} for ${file}; nothing was written`,
      'free some space, or choose another disk with --to',
    );
  return unlessFull(`${path.dirname(file)} is full; what was begun is removed`, ROOM, () =>
    shown(context.report, `write ${bytes(size)} to ${file}`, async (task) => {
      const target = await open(partial, 'w', 0o600);
      try {
        const job = {
          name: 'export',
          argv: ['export-set', 'write'],
          mounts: [
            { ...backups.mount, readOnly: true },
            { ...stage, readOnly: true },
          ],
        };
        let written = 0;
        const facts = await readJob(backups.bench, job, (output) =>
          readSetArchive(file, output, async (piece) => {
            await target.writeFile(piece);
            written += piece.length;
            task.detail(`${Math.floor((100 * written) / size)} %`);
          }),
        );
        await target.sync();
        return facts;
      } finally {
        await target.close();
      }
    }),
  );
}
