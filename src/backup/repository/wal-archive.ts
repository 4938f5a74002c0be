import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import { controllerOf, leadersOf, memberStates } from '../../members/agent-cli.ts';
import { containersOf } from '../../stack/roles.ts';
import { lastWords } from './job.ts';
import type { BackupContext } from './repository.ts';

/** Longer than it takes a segment of WAL to be archived, by so many seconds. */
const PATIENCE_SECONDS = 90;

/**
 * Commits a transaction, and follows it until its WAL is in the archive.
 * @param how `as-it-comes`: the time that this takes is what a host that dies right now would take with it; `at-once`: the
 *   segment is closed for it, so that every moment until now can be restored. Recovery to a moment needs a commit after it.
 * @returns when it was committed, and how long it took; undefined if the database has no leader
 * @throws UserError BACKUP_FAILED where it does not arrive
 */
export async function followIntoArchive(
  context: Context,
  room: BackupContext,
  how: 'as-it-comes' | 'at-once',
): Promise<{ at: Date; seconds: number } | undefined> {
  const engine = await context.engine();
  const containers = await engine.observe(room.bench.project);
  const controller = controllerOf(room.stack.services);
  const leaders = leadersOf(await memberStates(engine, containers, controller));
  const leader = containersOf(containers, room.stack.services, 'database').find(({ service }) => leaders.includes(service));
  if (!leader) return undefined;
  const ask = async (query: string) => {
    const { exitCode, output } = await engine.exec(leader.id, ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-c', query]);
    if (exitCode !== 0)
      throw new UserError('BACKUP_FAILED', `${leader.service}: ${lastWords({ tail: output.split('\n') })}`, 'medianest logs postgres');
    return output.trim();
  };
  return shown(context.report, 'follow a transaction into the archive', async () => {
    const at = context.clock.now();
    const segment = await ask("select pg_walfile_name(pg_logical_emit_message(true, 'medianest', 'followed'))");
    if (how === 'at-once') await ask('select pg_switch_wal()');
    for (;;) {
      const seconds = (context.clock.now().getTime() - at.getTime()) / 1000;
      if ((await ask('select coalesce(last_archived_wal, $$$$) from pg_stat_archiver')).slice(0, 24) >= segment) return { at, seconds };
      if (seconds > room.settings.archiveSeconds + PATIENCE_SECONDS)
        throw new UserError(
          'BACKUP_FAILED',
          `WAL does not reach the archive: ${segment} is not there after ${Math.round(seconds)} s`,
          'medianest logs backup postgres',
        );
      await sleep(500, undefined, { signal: context.signal });
    }
  });
}
