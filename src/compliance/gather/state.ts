import { readdirSync } from 'node:fs';
import { alertsOfProject } from '../../alerts/channels.ts';
import { archivedSets, type BackupSet, isGood } from '../../backup/plan/backup-sets.ts';
import { readCatalogue } from '../../backup/repository/catalogue.ts';
import { kitProblem } from '../../backup/restore/kit.ts';
import type { Seen as Looked, Project } from '../../capability/capability.ts';
import { statOptional } from '../../core/files.ts';
import { logChecks } from '../../logs/checks.ts';
import { type LogsSettings, storeNow } from '../../services/agent/log-egress.ts';
import { notifyUrls } from '../../services/app/notify.ts';
import type { AppSettings } from '../../services/app/portal.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import { copyNames } from '../../services/backup/settings/copies-settings.ts';
import { CENTRAL, CROWDSEC } from '../../services/crowdsec/settings/address.ts';
import type { BansSettings } from '../../services/crowdsec/settings/bans-settings.ts';
import type { EdgeSettings } from '../../services/edge/settings/edge-settings.ts';
import { SIGN_ON } from '../../services/sign-on/settings/address.ts';
import type { SignOnSettings } from '../../services/sign-on/settings/sign-on-settings.ts';
import { containersOf, withRole } from '../../stack/roles.ts';
import { verifyAudit } from '../../state/audit.ts';
import { placesOf } from '../../storage/store.ts';
import { cipherText } from '../plan/cipher-text.ts';
import type { BackupEvidence, Evidence, LogEvidence } from '../plan/evidence.ts';
import { edgeLines } from '../plan/log-lines.ts';
import { someOf, Unseen } from './attempt.ts';

const HOUR_MS = 3_600_000;
const LINES = 40;

export function readAuditLog({ state }: Project): Evidence['auditLog'] {
  const { entries, valid, problems } = verifyAudit(state.at('audit.jsonl'));
  return { entries, valid, problem: problems[0] && `line ${problems[0].line}: ${problems[0].what}` };
}

/** Files and folders that only the owner may open. */
export function readStateFiles(project: Project): Evidence['stateFiles'] {
  const { state } = project;
  const keys = statOptional(state.at('certs'))
    ? readdirSync(state.at('certs')).map((name) => ['certs', name, 'current', 'privkey.pem'])
    : [];
  const wanted = [
    { parts: [], most: 0o700 },
    { parts: ['secrets.json'], most: 0o600 },
    { parts: ['ca', 'root.json'], most: 0o600 },
    ...keys.map((parts) => ({ parts, most: 0o700 })),
  ];
  const places = wanted.map(({ parts, most }) => ({ path: state.at(...parts), most }));
  const found = [...places, { path: placesOf(project).keyFile, most: 0o600 }].flatMap(({ path, most }) => {
    const stat = statOptional(path);
    return stat ? [{ path, mode: stat.mode & 0o777, most }] : [];
  });
  if (found.length === 0) throw new Unseen(`there is no ${state.root} yet`, '`medianest up`');
  return found;
}

/** The sets as the state folder knows them, and the cipher as the running repository is configured. */
export async function readBackups({ project, engine, manifest, containers, context }: Looked): Promise<BackupEvidence> {
  if (!manifest) throw new Unseen('nothing was started yet', '`medianest up`');
  const own = project.loaded.settings.backup as BackupSettings;
  const sets = readCatalogue(project.state)?.sets ?? [];
  const now = context.clock.now().getTime();
  const hours = (times: readonly (string | undefined)[], choose: (...all: number[]) => number): number | null => {
    const all = times.flatMap((time) => (time ? [(now - Date.parse(time)) / HOUR_MS] : []));
    return all.length > 0 ? Math.max(0, choose(...all)) : null;
  };
  const days = (value: number | null) => (value === null ? null : Math.floor(value / 24));
  const repository = containersOf(containers, manifest.services, 'repository').find(({ state }) => state === 'running');
  return {
    sets: sets.length,
    newestHours: hours(
      sets.filter(isGood).map(({ finishedAt }) => finishedAt),
      Math.min,
    ),
    oldestDays: days(
      hours(
        sets.map(({ finishedAt }) => finishedAt),
        Math.max,
      ),
    ),
    damaged: sets.filter((set) => !isGood(set)).map(({ id }) => id),
    drillDays: days(
      hours(
        sets.map(({ drilledAt }) => drilledAt),
        Math.min,
      ),
    ),
    verifiedDays: days(
      hours(
        sets.map(({ verifiedAt }) => verifiedAt),
        Math.min,
      ),
    ),
    cipher: await cipherOf(sets, repository && ((argv) => engine.exec(repository.id, argv))),
    copies: copyNames(own.copies),
    kitProblem: kitProblem(project.state),
    maxAgeHours: own.maxAgeHours,
    keep: Object.entries(own.local.keep)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', '),
  };
}

/** Dumps are snapshots of restic, which has no form without encryption; pgBackRest is asked. */
async function cipherOf(
  sets: readonly BackupSet[],
  exec: ((argv: readonly string[]) => Promise<{ exitCode: number; output: string }>) | undefined,
): Promise<string | undefined> {
  if (archivedSets(sets).length === 0) return 'AES-256 (restic)';
  const said = await exec?.(['grep', '-h', '^repo1-cipher-type=', '/etc/medianest/current/pgbackrest.conf']);
  return said && cipherText(said);
}

export async function readLogEvidence(seen: Looked): Promise<LogEvidence> {
  someOf(seen.containers);
  const { settings } = seen.project.loaded;
  const own = settings.logs as LogsSettings;
  const edge = containersOf(seen.containers, seen.manifest?.services, 'edge').find(({ state }) => state === 'running');
  return {
    store: storeNow(settings, seen.manifest?.leftOut),
    days: own.days,
    problem: (await logChecks(seen)).find(({ status }) => status !== 'ok')?.message,
    remote: own.url !== undefined,
    edge: edge && edgeLines(await seen.engine.lastLogLines(edge.id, LINES)),
  };
}

/** The relay is of Alertmanager's component, and beside it. */
export function readMonitoring({ project, containers, manifest }: Looked): Evidence['monitoring'] {
  const decider = withRole(manifest?.services, 'alerting')[0];
  return {
    alertChannels: Object.keys(alertsOfProject(project).channels),
    relayRuns: someOf(containers).some(
      ({ component, service, state }) => state === 'running' && component === decider?.component && service !== decider?.name,
    ),
  };
}

/** Components that sign people in (a portal that does it by itself is the application's). They may run while the edge asks nothing of visitors. */
export function readSignOn({ project, containers }: Pick<Looked, 'project' | 'containers'>): Evidence['signOn'] {
  // Its ways out are of the same component.
  const runs = someOf(containers).some(({ service, state }) => state === 'running' && service === SIGN_ON);
  return runs && (project.loaded.settings.edge as EdgeSettings).access !== 'none' ? [SIGN_ON] : [];
}

/** Whom the settings name outside this host, without secrets. */
export function readRecipients(project: Project): Evidence['recipients'] {
  const { settings } = project.loaded;
  const hostOf = (url: string | undefined) => (url ? new URL(url).hostname : undefined);
  const { copies } = settings.backup as BackupSettings;
  const app = settings.app as Partial<AppSettings> | undefined;
  const signOn = settings.components[SIGN_ON] === true ? (settings.signOn as SignOnSettings) : undefined;
  const told = app?.portal && !app.image && settings.components.app === true ? notifyUrls(app.portal) : [];
  const all: (readonly [what: string, where: string | undefined])[] = [
    ...Object.entries(settings.external).map(([name, { url }]) => [`requests to ${name}`, hostOf(url)] as const),
    ['backups by SFTP', copies.sftp.host],
    ['backups by S3', copies.s3.bucket && hostOf(copies.s3.endpoint)],
    ['backups in Azure', copies.azure.container],
    ['backups in Google Cloud', copies.gcs.bucket],
    ['lines of logs', hostOf((settings.logs as LogsSettings).url)],
    ['traces', hostOf(settings.traces.endpoint)],
    ['media', app?.media?.server ?? hostOf(app?.media?.endpoint)],
    ...told.map(({ id, url }) => [`what people asked for (${id})`, hostOf(url)] as const),
    ['links for passwords by mail', signOn?.mail.host],
    ['names and passwords of sign-ins, to LDAP', hostOf(signOn?.ldap.url)],
    [
      'addresses of banned clients',
      settings.components[CROWDSEC] === true && (settings.bans as BansSettings).central ? CENTRAL : undefined,
    ],
    ...Object.entries(alertsOfProject(project).channels).map(([name, { kind, host }]) => [`alerts to ${name}`, host ?? kind] as const),
  ];
  return all.flatMap(([what, where]) => (where ? [{ what, where }] : []));
}
