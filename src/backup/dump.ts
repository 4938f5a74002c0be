import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { bytes } from '../core/plural.ts';
import type { Task } from '../core/reporter.ts';
import { pipeDocker } from '../docker/pipe.ts';
import type { DumpPart } from './plan/backup-sets.ts';
import {
  askArgv,
  DATABASES_SQL,
  DUMP_APPLICATION,
  DUMP_FILE,
  dumpArgv,
  END_DUMPS_SQL,
  ROLES_FILE,
  rolesArgv,
  type ServerFacts,
} from './plan/dump.ts';
import { databaseMembers } from './plan/holds.ts';
import { backupSummary } from './plan/restic.ts';
import { jobArgs, jobError, lastWords } from './repository/job.ts';
import type { BackupContext } from './repository/repository.ts';
import { restic, resticJob } from './repository/restic.ts';

/**
 * Dumps the databases of the server, each in one snapshot of it, into the repository: the data passes through no file. Roles come
 * last, so that none is missing that owns what was dumped. What is stored of a dump that fails is in no set.
 * @param id of the set
 */
export async function dumpDatabase({ clock }: Context, backups: BackupContext, id: string, task: Task): Promise<DumpPart> {
  await endDumps(backups);
  try {
    const { version, databases } = JSON.parse(await ask(backups, DATABASES_SQL)) as ServerFacts;
    const consistentAt = clock.now().toISOString();
    const stored = [];
    for (const { name } of databases)
      stored.push({ name, ...(await store(backups, dumpArgv(name), DUMP_FILE, { id, what: `the database ${name}`, task })) });
    const roles = await store(backups, rolesArgv, ROLES_FILE, { id, what: 'the roles of the database', task });
    return {
      kind: 'dump',
      databases: stored.map(({ name, snapshot }) => ({ name, snapshot })),
      roles: roles.snapshot,
      version,
      consistentAt,
      sizeBytes: databases.reduce((sum, { bytes: own }) => sum + own, 0),
      storedBytes: [...stored, roles].reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    };
  } catch (error) {
    // What reads it has gone: it would wait for ever. Why it failed is told in any case.
    await endDumps({ ...backups, bench: { ...backups.bench, signal: new AbortController().signal } }).catch(() => undefined);
    throw error;
  }
}

const endDumps = (backups: BackupContext): Promise<string> => ask(backups, END_DUMPS_SQL);

const serverOf = ({ bench, stack }: BackupContext): string => `${bench.project}-${databaseMembers(stack)[0]?.name}-1`;

async function ask(backups: BackupContext, sql: string): Promise<string> {
  const { docker, signal } = backups.bench;
  const result = await docker.run(['exec', serverOf(backups), ...askArgv(sql)], { signal });
  if (result.exitCode === 0) return result.stdout;
  throw new UserError('BACKUP_FAILED', `the database does not answer: ${lastWords(result)}`, 'medianest health; medianest logs postgres');
}

async function store(
  backups: BackupContext,
  argv: readonly string[],
  file: string,
  { id, what, task }: { id: string; what: string; task: Task },
): Promise<{ snapshot: string; storedBytes: number }> {
  const { bench, local } = backups;
  const tags = ['--host', bench.project, '--tag', 'set', '--tag', id];
  const args = ['backup', '--json', '--quiet', ...tags, '--stdin', '--stdin-filename', file];
  const { exitCodes, tail, output } = await pipeDocker(
    ['exec', '--env', `PGAPPNAME=${DUMP_APPLICATION}`, serverOf(backups), ...argv],
    jobArgs(bench, resticJob(local, args, { name: 'dump', streams: 'in' })),
    bench.signal,
    (passed) => task.detail(`${what}: ${bytes(passed)}`),
  );
  const [dumped = 1, stored = 1] = exitCodes;
  // A dump that nothing reads any more fails too: the repository's words come first.
  if (stored !== 0) throw jobError(`storing ${what}`, { exitCode: stored, stdout: '', tail });
  const { snapshot, storedBytes } = backupSummary(output);
  if (dumped === 0) return { snapshot, storedBytes };
  // Half of it, and no set names it. What cannot be removed now `backup prune` removes.
  await restic(bench, local, ['forget', '--quiet', snapshot]).catch(() => undefined);
  throw new UserError('BACKUP_FAILED', `${what} could not be dumped: ${lastWords({ tail })}`, 'medianest health; medianest logs postgres');
}
