import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import { chooseTarget } from '../plan/restore-target.ts';
import { openCatalogue } from './backup.ts';
import { lastWords, removeJobs } from './backup-job.ts';
import { type BackupRoom, backupRoom, readArchive, saveCatalogue } from './backup-room.ts';
import { leadersOf, memberStates } from './keeper.ts';
import { mutate } from './mutate.ts';
import { type Opened, requireManifest } from './open.ts';
import { portalReady, preview, removePreview } from './preview.ts';
import type { RestoreOutcome } from './restore.ts';

/**
 * Proves that the newest set can be restored: into a project of its own, every page checked, the portal started before it.
 * What would be lost with the host is measured by a transaction that is followed until it is in the archive. Leaves nothing.
 */
export async function drill(context: Context, opened: Opened): Promise<RestoreOutcome> {
  requireManifest(opened.state);
  return mutate(context, opened.state, 'drill', async (_lock, record) => {
    const room = await backupRoom(context, opened);
    const project = `${room.bench.project}-drill`;
    await removeJobs(room.bench);
    await removePreview(room, project);
    const catalogue = await openCatalogue(room);
    record(['drill']);
    const probe = await measureLoss(context, room);
    const target = chooseTarget(
      catalogue.sets,
      { set: undefined, to: undefined },
      context.clock.now(),
      (await readArchive(room, catalogue.sets)).gaps,
    );
    const started = context.clock.now().getTime();
    try {
      const shown = await preview(context, room, target, project, { parts: ['db', 'files'], check: true, start: true });
      const ready = await portalReady(shown.urls.find((url) => url.startsWith('http://')));
      const rtoSeconds = (context.clock.now().getTime() - started) / 1000;
      const recoveredTo = shown.facts?.lastTransaction ?? target.set.parts.db.consistentAt;
      const arrived = new Date(recoveredTo).getTime() >= probe.at.getTime() - 1000;
      const tables = Object.entries(shown.facts?.rows ?? {}).map(([table, rows]) => `${table} ${rows}`);
      const checks: RestoreOutcome['checks'] = [
        { id: 'database.pages', status: 'ok', message: 'pg_amcheck found nothing wrong with any table or index' },
        { id: 'database.rows', status: tables.length > 0 ? 'ok' : 'warn', message: tables.join(', ') || 'the database has no table' },
        {
          id: 'database.newest',
          status: arrived ? 'ok' : 'fail',
          message: arrived
            ? `the transaction of ${probe.at.toISOString()} is there`
            : `the transaction of ${probe.at.toISOString()} is not there`,
        },
        { id: 'files', status: 'ok', message: `${shown.files} files were restored and read again` },
        ...(ready === undefined
          ? []
          : [
              {
                id: 'portal',
                status: ready ? ('ok' as const) : ('fail' as const),
                message: ready ? 'it answers that it can serve' : 'it does not become ready',
              },
            ]),
      ];
      const good = checks.every(({ status }) => status !== 'fail');
      if (good) {
        target.set.drilledAt = context.clock.now().toISOString();
        target.set.drill = { rpoSeconds: probe.seconds, rtoSeconds };
        await saveCatalogue(room, catalogue);
      }
      return {
        backup: target.set.id,
        target: 'the newest that there is',
        recoveredTo,
        rpoSeconds: probe.seconds,
        rtoSeconds,
        checks,
        urls: [],
        safety: null,
        result: 'restored',
        steps: [],
        expectedSeconds: null,
      };
    } finally {
      await removeJobs(room.bench);
      await removePreview(room, project);
    }
  });
}

/** Commits a transaction, and follows it until its WAL is in the archive: what a host that dies right now would take with it. */
async function measureLoss(context: Context, room: BackupRoom): Promise<{ at: Date; seconds: number }> {
  const engine = await context.engine();
  const containers = await engine.observe(room.bench.project);
  const keeper = room.stack.services.find(({ member }) => member)?.member?.keeper;
  const leaders = leadersOf(await memberStates(engine, containers, keeper));
  const leader = containers.find(({ service, component }) => component === 'patroni' && leaders.includes(service));
  if (!leader) throw new UserError('BACKUP_REFUSED', 'nobody leads the database: there is nothing to compare with', 'medianest health');
  const ask = async (query: string) => {
    const { exitCode, output } = await engine.exec(leader.id, ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-c', query]);
    if (exitCode !== 0)
      throw new UserError('BACKUP_FAILED', `${leader.service}: ${lastWords({ tail: output.split('\n') })}`, 'medianest logs postgres');
    return output.trim();
  };
  const at = context.clock.now();
  const segment = await ask("select pg_walfile_name(pg_logical_emit_message(true, 'medianest', 'drill'))");
  const task = context.report.task('follow a transaction into the archive');
  const patience = room.settings.archiveSeconds + 90;
  for (;;) {
    const seconds = (context.clock.now().getTime() - at.getTime()) / 1000;
    if ((await ask('select coalesce(last_archived_wal, $$$$) from pg_stat_archiver')).slice(0, 24) >= segment) {
      task.done();
      return { at, seconds };
    }
    if (seconds > patience) {
      task.failed();
      throw new UserError(
        'BACKUP_FAILED',
        `WAL does not reach the archive: ${segment} is not there after ${Math.round(seconds)} s`,
        'medianest logs backup postgres',
      );
    }
    await sleep(500, undefined, { signal: context.signal });
  }
}
