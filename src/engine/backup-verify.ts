import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { verifyProblems, type WalGap } from '../plan/pgbackrest.ts';
import { unexpectedGaps } from '../plan/set-archive.ts';
import { COPIES } from '../services/backup.ts';
import { generationOf } from '../services/backup-generation.ts';
import { copyNames } from '../services/copies-settings.ts';
import { shown } from '../ui/reporter.ts';
import { openCatalogue } from './backup.ts';
import { lastWords, removeJobs } from './backup-job.ts';
import { type BackupRoom, backupRoom, inServer, readArchive, readDatabase, saveCatalogue } from './backup-room.ts';
import { mutate } from './mutate.ts';
import type { Opened } from './open.ts';
import { verifyLabel } from './prove-labels.ts';
import { restic } from './restic.ts';

export interface VerifyOutcome {
  sets: { id: string; problems: string[] }[];
  gaps: WalGap[];
  /** What is wrong with the repository as a whole. */
  problems: string[];
  /** Of each copy elsewhere. */
  copies: { name: string; problems: string[] }[];
}

/** Reads all that the repository holds, and notes with each set what was found. @param id one set; all where not given */
export async function verify(context: Context, opened: Opened, id: string | undefined): Promise<VerifyOutcome> {
  return mutate(context, opened.state, `backup verify${id ? ` ${id}` : ''}`, async (_lock, record) => {
    const room = await backupRoom(context, opened);
    await removeJobs(room.bench);
    const catalogue = await openCatalogue(room);
    const wanted = catalogue.sets.filter((set) => id === undefined || set.id === id);
    if (wanted.length === 0)
      throw new UserError('NO_BACKUP', id ? `there is no set ${id}` : 'there is no backup to verify', 'medianest backup list');
    record(['verify', id ?? null]);
    const read = await shown(context.report, `read ${wanted.length === 1 ? wanted[0]?.id : `all ${wanted.length} sets`}`, () =>
      readAll(room, wanted),
    );
    const outcome = { ...read, copies: await checkCopies(context, room) };
    const now = context.clock.now().toISOString();
    for (const set of wanted) {
      set.verifiedAt = now;
      set.problems = outcome.sets.find((entry) => entry.id === set.id)?.problems ?? [];
    }
    await saveCatalogue(room, catalogue).catch((error) => {
      // A repository that is damaged may refuse it: what was found is still to be told.
      context.report.warn(`the result could not be noted in the repository: ${(error as Error).message}`);
    });
    return outcome;
  });
}

async function readAll(room: BackupRoom, sets: readonly BackupSet[]): Promise<Omit<VerifyOutcome, 'copies'>> {
  const { bench } = room;
  await inServer(room, ['halt'], 'an earlier command could not be ended');
  const labels = new Set<string>();
  for (const generation of new Set(sets.map(({ parts }) => generationOf(parts.db))))
    for (const { label } of (await readDatabase(room, generation)).backups) labels.add(`${generation}/${label}`);
  const found = [];
  for (const set of sets) {
    const { label } = set.parts.db;
    const generation = generationOf(set.parts.db);
    const problems: string[] = [];
    if (!labels.has(`${generation}/${label}`)) problems.push(`the database’s part ${label} is gone`);
    else {
      const { exitCode, stdout, tail } = await verifyLabel(room, label, { GENERATION: String(generation) });
      if (exitCode !== 0) problems.push(`the database’s part ${label}: ${lastWords({ tail })}`);
      problems.push(...verifyProblems(stdout).map((problem) => `the database’s part ${label}: ${problem}`));
    }
    const files = await restic(bench, room.local, ['ls', '--quiet', set.parts.files.snapshot, '/source/state'], { name: 'ls' });
    if (files.exitCode !== 0) problems.push(`the files’ part ${set.parts.files.snapshot} cannot be read: ${lastWords(files)}`);
    found.push({ id: set.id, problems });
  }
  const check = await restic(bench, room.local, ['check', '--read-data', '--quiet'], { name: 'check' });
  const problems = check.exitCode === 0 ? [] : [`restic: ${lastWords(check)}`];
  // Which sets a damaged pack belongs to restic does not say: none of them counts as good.
  for (const entry of found) entry.problems.push(...problems);
  return { sets: found, gaps: unexpectedGaps((await readArchive(room, sets)).gaps, sets), problems };
}

/** Compares each with what is here, by checksums where its kind has them. */
async function checkCopies(context: Context, { bench, settings }: BackupRoom): Promise<VerifyOutcome['copies']> {
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
