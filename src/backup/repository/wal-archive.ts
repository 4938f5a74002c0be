import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { shown } from '../../core/reporter.ts';
import { controllerOf, leadersOf, memberStates } from '../../members/agent-cli.ts';
import { containersOf } from '../../stack/roles.ts';
import type { Reached } from '../plan/restore-moment.ts';
import { lastWords } from './job.ts';
import type { BackupContext } from './repository.ts';

/** Longer than it takes a segment of WAL to be archived, by so many seconds. */
const PATIENCE_SECONDS = 90;

type Ask = (query: string) => Promise<string>;

/** The member that leads the database, and how to ask it; undefined if it has no leader. */
async function leader(context: Context, backups: BackupContext): Promise<Ask | undefined> {
  const engine = await context.engine();
  const containers = await engine.observe(backups.bench.project);
  const controller = controllerOf(backups.stack.services);
  const leaders = leadersOf(await memberStates(engine, containers, controller));
  const led = containersOf(containers, backups.stack.services, 'database').find(({ service }) => leaders.includes(service));
  if (!led) return undefined;
  return async (query) => {
    const { exitCode, output } = await engine.exec(led.id, ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-c', query]);
    if (exitCode !== 0)
      throw new UserError('BACKUP_FAILED', `${led.service}: ${lastWords({ tail: output.split('\n') })}`, 'medianest logs postgres');
    return output.trim();
  };
}

/** Where the database that runs has got to; undefined if it has no leader, or the leader does not tell. */
export async function runningAt(context: Context, backups: BackupContext): Promise<(Reached & { at: Date }) | undefined> {
  try {
    const ask = await leader(context, backups);
    const said = await ask?.('select pg_walfile_name(pg_current_wal_lsn()), floor(extract(epoch from now()))');
    const [, segment, seconds] = /^([0-9A-F]{24})\|(\d+)$/.exec(said ?? '') ?? [];
    return segment === undefined ? undefined : { segment, at: new Date(Number(seconds) * 1000) };
  } catch (error) {
    if (error instanceof UserError && error.code === 'INTERRUPTED') throw error;
    return undefined;
  }
}

/**
 * Commits a transaction, and follows it until its WAL is in the archive.
 * @param how `as-it-comes`: the time that this takes is what a host that dies right now would take with it; `at-once`: the
 *   segment is closed for it, so that every moment until now can be restored. Recovery to a moment needs a commit after it.
 * @returns when it was committed, and how long it took; undefined if the database has no leader
 * @throws UserError BACKUP_FAILED where it does not arrive
 */
export async function followIntoArchive(
  context: Context,
  backups: BackupContext,
  how: 'as-it-comes' | 'at-once',
): Promise<{ at: Date; seconds: number } | undefined> {
  const ask = await leader(context, backups);
  if (!ask) return undefined;
  return shown(context.report, 'follow a transaction into the archive', async () => {
    const at = context.clock.now();
    const segment = await ask("select pg_walfile_name(pg_logical_emit_message(true, 'medianest', 'followed'))");
    if (how === 'at-once') await ask('select pg_switch_wal()');
    const secondsSince = () => (context.clock.now().getTime() - at.getTime()) / 1000;
    const archived = await poll(
      async () => {
        const seconds = secondsSince();
        const last = await ask('select coalesce(last_archived_wal, $$$$) from pg_stat_archiver');
        return last.slice(0, 24) >= segment ? { at, seconds } : undefined;
      },
      { every: 500, timeout: (backups.settings.archiveSeconds + PATIENCE_SECONDS) * 1000, signal: context.signal, clock: context.clock },
    );
    if (archived) return archived;
    throw new UserError(
      'BACKUP_FAILED',
      `WAL does not reach the archive: ${segment} is not there after ${Math.round(secondsSince())} s`,
      'medianest logs backup postgres',
    );
  });
}
