import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { refuseForeignVolumes } from '../../docker/volume.ts';
import { requireManifest } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { archivedSets, type Catalogue, dumpSets } from '../plan/backup-sets.ts';
import { filePlaces, keepsDumps } from '../plan/holds.ts';
import { PREVIEW_COMPONENT, previewVolumes } from '../plan/preview-compose.ts';
import { chooseTarget, type RestoreTarget, refuseOtherVersion, targetText } from '../plan/restore-target.ts';
import { PassingRefusal } from '../plan/retry.ts';
import { openCatalogue } from '../ready.ts';
import { removeJobs } from '../repository/job.ts';
import { type BackupContext, backupContext, readArchive, saveCatalogue } from '../repository/repository.ts';
import { followIntoArchive } from '../repository/wal-archive.ts';
import { refuseTooSmall } from './disk-space.ts';
import { findTarget } from './find-target.ts';
import type { RestoreOutcome } from './outcome.ts';
import { portalReady, preview, removePreview } from './preview.ts';

const drillProject = ({ bench }: BackupContext): string => `${bench.project}-drill`;

/** What of a drill can be checked without one. @throws UserError as the drill itself would */
export async function planDrill(context: Context, project: Project): Promise<void> {
  requireManifest(project.state);
  await refuseTakenDrill(context, await backupContext(context, project));
}

/** What a killed drill has left is in no drill's way. @throws UserError FOREIGN_PROJECT where the drill's name is another one's */
async function refuseTakenDrill(context: Context, backups: BackupContext): Promise<void> {
  const engine = await context.engine();
  const project = drillProject(backups);
  const foreign = (await engine.observe(project)).find(
    (container) => container.project !== project || container.component !== PREVIEW_COMPONENT,
  );
  if (foreign)
    throw new UserError(
      'FOREIGN_PROJECT',
      `there is a project ${project} already (container ${foreign.name}), and a drill needs that name; nothing was changed`,
      `remove it if it is not needed: docker compose --project-name ${project} down`,
    );
  await refuseForeignVolumes(engine, previewVolumes(project, filePlaces(backups.stack)), {
    kind: 'drill',
    project,
    of: backups.bench.project,
  });
}

/**
 * Proves that the newest set can be restored, with all WAL after it (what `restore --to newest` gives): into a project of its own, every page checked, the portal started before it.
 * What would be lost with the host is measured by a transaction that is followed until it is in the archive. Leaves nothing.
 */
export async function drill(context: Context, project: Project): Promise<RestoreOutcome> {
  requireManifest(project.state);
  return withLock(context, project.state, 'drill', async (lock, record) => {
    const backups = await backupContext(context, project, { lock });
    const name = drillProject(backups);
    await refuseTakenDrill(context, backups);
    await removeJobs(backups.bench);
    await removePreview(backups.bench.docker, name);
    const catalogue = await openCatalogue(backups);
    record(['drill']);
    const { target, probe } = await newest(context, backups, catalogue);
    refuseOtherVersion(target.set);
    await refuseTooSmall(context, backups, target, ['db', 'files'], 'into');
    const started = context.clock.now().getTime();
    try {
      const shown = await preview(context, backups, target, name, { parts: ['db', 'files'], check: true, start: true, sanitize: false });
      const ready = await portalReady(
        shown.urls.find((url) => url.startsWith('http://')),
        context.signal,
      );
      const rtoSeconds = (context.clock.now().getTime() - started) / 1000;
      const recoveredTo = shown.facts?.lastTransaction ?? target.set.parts.db.consistentAt;
      const tables = Object.entries(shown.facts?.rows ?? {}).map(([table, rows]) => `${table} ${rows}`);
      const checks: RestoreOutcome['checks'] = [
        { id: 'database.pages', status: 'ok', message: 'pg_amcheck found nothing wrong with any table or index' },
        { id: 'database.rows', status: tables.length > 0 ? 'ok' : 'warn', message: tables.join(', ') || 'the database has no table' },
        ...(probe ? [newestCheck(probe.at, recoveredTo)] : []),
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
      // Of dumps, all that was written since the newest one is lost with the host.
      const lost = (started - new Date(target.set.parts.db.consistentAt).getTime()) / 1000;
      const rpoSeconds = probe?.seconds ?? Math.max(0, lost);
      const good = checks.every(({ status }) => status !== 'fail');
      if (good) {
        target.set.drilledAt = context.clock.now().toISOString();
        target.set.drill = { rpoSeconds, rtoSeconds };
        await saveCatalogue(backups, catalogue);
      }
      return {
        backup: target.set.id,
        target: targetText(target),
        recoveredTo,
        rpoSeconds,
        rtoSeconds,
        checks,
        urls: [],
        safety: null,
        sanitized: null,
        result: 'restored',
        steps: [],
        expectedSeconds: null,
        recovery: null,
      };
    } finally {
      await removeJobs(backups.bench);
      await removePreview(backups.bench.docker, name);
    }
  });
}

/** What is restored: a set and all WAL after it, which a transaction is followed into; or the newest dump. */
async function newest(
  context: Context,
  backups: BackupContext,
  { sets }: Catalogue,
): Promise<{ target: RestoreTarget; probe?: { at: Date; seconds: number } }> {
  if (keepsDumps(backups.stack)) return { target: chooseTarget(dumpSets(sets), { set: 'latest', to: undefined }, context.clock.now()) };
  const probe = await followIntoArchive(context, backups, 'as-it-comes');
  if (!probe)
    throw new PassingRefusal('BACKUP_REFUSED', 'the database has no leader: there is nothing to compare with', 'medianest health');
  const own = archivedSets(sets);
  const contents = await readArchive(backups, own);
  const { target } = await findTarget(context, backups, own, { set: undefined, to: 'newest' }, contents);
  return { target, probe };
}

function newestCheck(at: Date, recoveredTo: string): RestoreOutcome['checks'][number] {
  const arrived = new Date(recoveredTo).getTime() >= at.getTime() - 1000;
  return {
    id: 'database.newest',
    status: arrived ? 'ok' : 'fail',
    message: arrived ? `the transaction of ${at.toISOString()} is there` : `the transaction of ${at.toISOString()} is not there`,
  };
}
