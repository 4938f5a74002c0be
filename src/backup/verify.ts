import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shown } from '../core/reporter.ts';
import type { RunResult } from '../docker/compose.ts';
import { withLock } from '../project/with-lock.ts';
import { COPIES } from '../services/backup/backup.ts';
import { copyNames } from '../services/backup/settings/copies-settings.ts';
import { keyVersionOf } from '../services/backup/settings/key-versions.ts';
import { verifyLabel } from './archive/prove-labels.ts';
import { type ArchivedSet, archivedSets, type BackupSet, type DumpSet, dumpSets, isDump } from './plan/backup-sets.ts';
import { dumpProblems } from './plan/dump.ts';
import { keepsDumps } from './plan/holds.ts';
import { verifyProblems, type WalGap, walProblems } from './plan/pgbackrest.ts';
import { unexpectedGaps } from './plan/set-archive.ts';
import { openCatalogue } from './ready.ts';
import { lastWords, removeJobs } from './repository/job.ts';
import { type BackupContext, backupContext, inServer, readArchive, readDatabase, saveCatalogue } from './repository/repository.ts';
import { restic } from './repository/restic.ts';

export interface VerifyOutcome {
  sets: { id: string; problems: string[] }[];
  gaps: WalGap[];
  /** What is wrong with the repository as a whole. */
  problems: string[];
  /** Of each copy elsewhere. */
  copies: { name: string; problems: string[] }[];
}

/** Reads everything in the repository, and records the result with each set. @param id one set; all where not given */
export async function verify(context: Context, project: Project, id: string | undefined): Promise<VerifyOutcome> {
  return withLock(context, project.state, `backup verify${id ? ` ${id}` : ''}`, async (lock, record) => {
    const backups = await backupContext(context, project, { lock });
    await removeJobs(backups.bench);
    const catalogue = await openCatalogue(backups);
    // Without pgBackRest its own cannot be read.
    const readable = catalogue.sets.filter((set) => isDump(set) || !keepsDumps(backups.stack));
    const wanted = readable.filter((set) => id === undefined || set.id === id);
    if (wanted.length === 0)
      throw new UserError('NO_BACKUP', id ? `there is no set ${id}` : 'there is no backup to verify', 'medianest backup list');
    record(['verify', id ?? null]);
    const read = await shown(context.report, `read ${wanted.length === 1 ? wanted[0]?.id : `all ${wanted.length} sets`}`, () =>
      readAll(backups, wanted, id === undefined),
    );
    const outcome = { ...read, copies: await checkCopies(context, backups) };
    const now = context.clock.now().toISOString();
    for (const set of wanted) {
      set.verifiedAt = now;
      set.problems = outcome.sets.find((entry) => entry.id === set.id)?.problems ?? [];
    }
    await saveCatalogue(backups, catalogue).catch((error) => {
      // A repository that is damaged may refuse it: what was found is still to be told.
      context.report.warn(`the result could not be noted in the repository: ${(error as Error).message}`);
    });
    return outcome;
  });
}

async function readAll(backups: BackupContext, sets: readonly BackupSet[], everything: boolean): Promise<Omit<VerifyOutcome, 'copies'>> {
  const { bench } = backups;
  await inServer(backups, ['halt'], 'an earlier command could not be ended');
  const database = new Map<string, string[]>();
  const problems: string[] = [];
  for (const { id, problems: found } of await readDumps(backups, dumpSets(sets))) database.set(id, found);
  const archived = archivedSets(sets);
  for (const generation of new Set(archived.map(({ parts }) => keyVersionOf(parts.db)))) {
    const own = archived.filter(({ parts }) => keyVersionOf(parts.db) === generation);
    const read = await readGeneration(backups, generation, own, everything);
    for (const [id, found] of read.sets) database.set(id, found);
    problems.push(...read.wal);
  }
  const found = [];
  for (const set of sets) {
    const own = [...(database.get(set.id) ?? [])];
    const files = await restic(bench, backups.local, ['ls', '--quiet', set.parts.files.snapshot, '/source/state'], { name: 'ls' });
    if (files.exitCode !== 0) own.push(`the files’ part ${set.parts.files.snapshot} cannot be read: ${lastWords(files)}`);
    found.push({ id: set.id, problems: own });
  }
  const check = await restic(bench, backups.local, ['check', '--read-data', '--quiet'], { name: 'check' });
  if (check.exitCode !== 0) {
    const problem = `restic: ${lastWords(check)}`;
    problems.push(problem);
    // Which sets a damaged pack belongs to restic does not say: none of them counts as good.
    for (const entry of found) entry.problems.push(problem);
  }
  return { sets: found, gaps: unexpectedGaps((await readArchive(backups, sets)).gaps, sets), problems };
}

/** What of dumps is missing; that what is there can be read, `restic check` proves. */
async function readDumps(backups: BackupContext, sets: readonly DumpSet[]): Promise<{ id: string; problems: string[] }[]> {
  if (sets.length === 0) return [];
  const listed = await restic(backups.bench, backups.local, ['snapshots', '--no-lock', '--json', '--tag', 'set']);
  // A damaged repository is what a verification is there to tell.
  if (listed.exitCode !== 0) return sets.map(({ id }) => ({ id, problems: [`the snapshots cannot be listed: ${lastWords(listed)}`] }));
  const there = (JSON.parse(listed.stdout) as { short_id: string }[]).map(({ short_id }) => short_id);
  return sets.map((set) => ({ id: set.id, problems: dumpProblems(set, there) }));
}

/**
 * The database’s parts of sets. All at once reads what several have in common once, and WAL that none ends with: where that is
 * well, each of them is.
 */
async function readGeneration(
  backups: BackupContext,
  generation: number,
  sets: readonly ArchivedSet[],
  everything: boolean,
): Promise<{ sets: Map<string, string[]>; wal: string[] }> {
  const environment = { GENERATION: String(generation) };
  const labels = (await readDatabase(backups, generation)).backups.map(({ label }) => label);
  const problemsOf = ({ exitCode, stdout, tail }: RunResult) => (exitCode === 0 ? verifyProblems(stdout) : [lastWords({ tail })]);
  const whole = everything ? await verifyLabel(backups, undefined, environment) : undefined;
  const well = whole !== undefined && problemsOf(whole).length === 0;
  const found = new Map<string, string[]>();
  for (const { id, parts } of sets) {
    const { label } = parts.db;
    if (!labels.includes(label)) found.set(id, [`the database’s part ${label} is missing`]);
    else if (!well)
      found.set(
        id,
        problemsOf(await verifyLabel(backups, label, environment)).map((problem) => `the database’s part ${label}: ${problem}`),
      );
  }
  if (!whole || well) return { sets: found, wal: [] };
  const unread = `the database’s part could not be read to its end: ${lastWords(whole)}`;
  return { sets: found, wal: whole.exitCode === 0 ? walProblems([...whole.tail, whole.stdout].join('\n')) : [unread] };
}

/** Compares each with what is here, by checksums where its kind has them. */
async function checkCopies(context: Context, { bench, settings }: BackupContext): Promise<VerifyOutcome['copies']> {
  const found = [];
  for (const name of copyNames(settings.copies)) {
    const { exitCode, stdout, tail } = await shown(context.report, `compare the copy ${name}`, () =>
      bench.docker.run(['exec', `${bench.project}-${COPIES}-1`, 'copies', 'check', name], { signal: bench.signal }),
    );
    const problems = stdout.split('\n').filter(Boolean);
    found.push({ name, problems: exitCode === 0 ? [] : problems.length > 0 ? problems : [lastWords({ tail })] });
  }
  return found;
}
