import type { Check } from '../../capability/check.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { askServer } from '../../members/psql.ts';
import type { Manifest } from '../../stack/manifest.ts';
import type { MemberState } from '../../stack/member.ts';
import { containersOf, withRole } from '../../stack/roles.ts';
import { archiveChecks } from '../plan/backup-health.ts';

/**
 * Segments that wait for the archive and since when, and whether the last attempt failed:
 * pg_stat_archiver and pg_ls_archive_statusdir in PostgreSQL's manual.
 * A segment counts once it is whole: `archive_timeout` ends it, and writes in it are not older than that.
 */
const QUERY = `select json_build_object(
  'waiting', w.count, 'since', w.since,
  'failing', coalesce(s.last_failed_time > coalesce(s.last_archived_time, '-infinity'), false),
  'segment', s.last_failed_wal, 'now', now())
from pg_stat_archiver s,
  (select count(*), min(modification) as since from pg_ls_archive_statusdir() where name like '%.ready') w`;

/** How the database's WAL reaches the repository, for `health` and `status`; nothing if it is not archived, or there is no leader. */
export async function archiveHealth(
  engine: Engine,
  manifest: Manifest | undefined,
  containers: readonly ObservedContainer[],
  members: Readonly<Record<string, MemberState>> | undefined,
): Promise<Check[]> {
  if (withRole(manifest?.services, 'repository').length === 0) return [];
  const leader = containersOf(containers, manifest?.services, 'database').find(
    ({ service, state }) => state === 'running' && members?.[service]?.role === 'leader',
  );
  if (!leader) return [];
  return archiveChecks(await askServer(engine, leader, QUERY));
}
