import { randomUUID } from 'node:crypto';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shortHash } from '../core/hash.ts';
import { didYouMean } from '../core/suggest.ts';
import { currentUser } from '../core/user.ts';
import { ALERT_CAUSES } from '../services/shared/alert-causes.ts';
import { appendAudit } from '../state/audit.ts';
import { hasAlertmanager, requireAlertmanager } from './alertmanager.ts';
import { listAlerts } from './list.ts';
import { silenceBody, silencesOf } from './plan/alertmanager.ts';
import { isLive, labelOf, type Silence } from './plan/silence.ts';
import { readSilences, writeSilences } from './store.ts';

/** Those that are in force, the first to end first. */
export async function listSilences(context: Context, project: Project): Promise<Silence[]> {
  const all = hasAlertmanager(project)
    ? silencesOf(await (await requireAlertmanager(context, project)).json('GET', '/api/v2/silences'))
    : readSilences(project.state);
  return all.filter((silence) => isLive(silence, context.clock.now())).sort((a, b) => (a.until < b.until ? -1 : 1));
}

/** Holds alerts back until a moment. A dry run only looks at the name. @throws UserError USAGE for a name that nothing has */
export async function silence(
  context: Context,
  project: Project,
  name: string,
  until: Date,
  why: string,
): Promise<Omit<Silence, 'id'> & { id: string | null }> {
  const label = labelOf(name, await silenceable(context, project));
  const asked = { label, value: name, until: until.toISOString(), why, by: currentUser() };
  if (context.flags.dryRun) return { id: null, ...asked };
  const id = await keep(context, project, asked);
  note(context, project, `silence ${name}`, asked);
  return { id, ...asked };
}

/** @returns those that were ended. @throws UserError USAGE for an id or name that no silence has */
export async function endSilences(context: Context, project: Project, wanted: string): Promise<Silence[]> {
  const all = await listSilences(context, project);
  const ended = all.filter(({ id, value }) => id === wanted || value === wanted);
  if (ended.length === 0) {
    const names = all.flatMap(({ id, value }) => [value, id]);
    const near = names.length > 0 ? didYouMean(wanted, names) : 'nothing is silenced';
    throw new UserError('USAGE', `there is no silence ${JSON.stringify(wanted)}; ${near}`, 'medianest silence list');
  }
  if (context.flags.dryRun) return ended;
  if (hasAlertmanager(project)) {
    const alertmanager = await requireAlertmanager(context, project);
    for (const { id } of ended) await alertmanager.text('DELETE', `/api/v2/silence/${encodeURIComponent(id)}`);
  } else {
    const ids = ended.map(({ id }) => id);
    writeSilences(
      project.state,
      readSilences(project.state).filter(({ id }) => !ids.includes(id)),
    );
  }
  note(context, project, `silence remove ${wanted}`, ended);
  return ended;
}

async function keep(context: Context, project: Project, asked: Omit<Silence, 'id'>): Promise<string> {
  const now = context.clock.now();
  if (hasAlertmanager(project)) {
    const answer = await (await requireAlertmanager(context, project)).json('POST', '/api/v2/silences', silenceBody(asked, now));
    return (answer as { silenceID: string }).silenceID;
  }
  const id = randomUUID();
  writeSilences(project.state, [...readSilences(project.state).filter((entry) => isLive(entry, now)), { id, ...asked }]);
  return id;
}

/** Names of rules and checks, of causes and of services, also of those that do not fire now: maintenance is announced before it begins. */
async function silenceable(context: Context, project: Project) {
  const manifest = project.state.manifest();
  const rules = (manifest?.files ?? []).filter(({ path }) => /\/rules-[^/]*\.yml$/.test(path));
  const named = rules.flatMap(({ contents }) => [...contents.matchAll(/^ *- alert: (\w+)$/gm)].map(([, name]) => name as string));
  const firing = await listAlerts(context, project).then(
    ({ alerts }) => alerts,
    () => [],
  );
  return {
    alerts: [...new Set([...named, ...firing.map(({ name }) => name)])],
    causes: [...new Set([...Object.keys(ALERT_CAUSES), ...firing.map(({ cause }) => cause)])],
    services: (manifest?.services ?? []).map(({ name }) => name),
  };
}

/** What is not told, and for whom that was decided, belongs into the audit log. */
function note(context: Context, { state }: Project, command: string, plan: unknown): void {
  appendAudit(state.at('audit.jsonl'), {
    time: context.clock.now().toISOString(),
    user: currentUser(),
    command: `medianest ${command}`,
    plan: shortHash(plan),
    result: 'done',
    seconds: 0,
  });
}
