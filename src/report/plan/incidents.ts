import type { Ask, Series, Span } from '../../metrics/plan/samples.ts';
import { ALERT_CAUSES } from '../../services/shared/alert-causes.ts';
import type { AuditEntry } from '../../state/audit.ts';

/** An alert that fired for a time. */
export interface Incident {
  alert: string;
  severity: string;
  cause: string;
  /** The container that it is about; null where it is about the stack. */
  instance: string | null;
  /** What stands behind its cause; null for one of a rule of the operator’s own. */
  why: string | null;
  /** ISO 8601. */
  from: string;
  /** Null while it fires. */
  to: string | null;
  /** What ended it, as far as medianest did. */
  healedBy: string | null;
}

/** Something that the agent did by itself. */
export interface HealingAction {
  /** ISO 8601. */
  at: string;
  service: string;
  /** `started`, `restarted`, ... */
  what: string;
  why: string;
}

/** A command that changed the project. */
export type Change = Pick<AuditEntry, 'time' | 'user' | 'command' | 'result' | 'seconds'> & { error?: string };

/** Points of one answer that Prometheus gives at most, with some to spare. */
const MOST_POINTS = 10_000;

/** Alerts are looked for more closely than a picture is drawn: one of a minute is an incident too. */
export function alertSpan({ start, end }: Span): Span {
  const step = Math.max(60, Math.ceil((end - start) / MOST_POINTS));
  return { start: end - Math.floor((end - start) / step) * step, end, step };
}

export const alertAsk = (span: Span): Ask => ({
  query: `max by (alertname, severity, cause, instance, site, mountpoint) (max_over_time(ALERTS{alertstate="firing",severity!="none"}[${span.step}s]))`,
  span,
});

/** The newest first. Each began and ended within these times: one step is as closely as alerts were looked for. */
export function incidentsOf(series: readonly Series[], span: Span): Omit<Incident, 'healedBy'>[] {
  return series
    .flatMap(({ labels, points }) => {
      const { alertname = '', severity = '', cause = '', instance, site, mountpoint } = labels;
      const times = points.map(([time]) => time);
      const starts = times.filter((time, index) => index === 0 || time - (times[index - 1] as number) > 1.5 * span.step);
      return starts.map((start, index) => {
        const next = starts[index + 1] ?? Number.POSITIVE_INFINITY;
        const last = times.filter((time) => time < next).at(-1) as number;
        return {
          alert: alertname,
          severity,
          cause,
          instance: site ?? mountpoint ?? instance ?? null,
          why: ALERT_CAUSES[cause]?.is ?? null,
          from: iso(start - span.step),
          to: last >= span.end - span.step ? null : iso(last),
        };
      });
    })
    .sort((a, b) => (a.from < b.from ? 1 : -1));
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** The agent may act before the alert of the same fault fires; an alert ends a while after its fault. */
const BEFORE_MS = 60_000;
const AFTER_MS = 60_000;

/** Commands that may end a fault. */
const HEALING =
  /^medianest (up|deploy|rollback|scale|restart|failover|switchover|restore|update|certs renew|secrets rotate|agent heal|backup( prune)?|images prune)\b/;

/** What ended each incident: the agent, by what it did to the container; or a command that ended well while it lasted. @param changes the newest first */
export function withHealing(
  incidents: readonly Omit<Incident, 'healedBy'>[],
  actions: readonly HealingAction[],
  changes: readonly Change[],
): Incident[] {
  const helped = actions.filter(({ what }) => HELPED.test(what));
  return incidents.map((incident) => {
    if (incident.to === null) return { ...incident, healedBy: null };
    const [from, to] = [Date.parse(incident.from), Date.parse(incident.to) + AFTER_MS];
    const during = (time: number, before = 0) => time >= from - before && time <= to;
    const action = helped.findLast(({ at, service }) => service === incident.instance && during(Date.parse(at), BEFORE_MS));
    if (action) return { ...incident, healedBy: `the agent ${action.what} ${action.service}: ${action.why}` };
    const change = changes.find(
      ({ time, seconds, command, result }) => result === 'done' && HEALING.test(command) && during(Date.parse(time) + seconds * 1000),
    );
    return { ...incident, healedBy: change ? `\`${change.command}\` by ${change.user}` : null };
  });
}

/** What may end a fault, of all that the agent does and notices. */
const HELPED = /^(started|restarted|handed over)/;

/** Lines of the agent's log that tell what it did to a service. */
export function healingOf(actions: readonly { time: string; what: string; facts: Readonly<Record<string, unknown>> }[]): HealingAction[] {
  return actions.flatMap(({ time, what, facts }) => {
    const service = facts.service ?? facts.member;
    return typeof service === 'string' && DONE.test(what) ? [{ at: time, service, what, why: String(facts.why ?? facts.error ?? '') }] : [];
  });
}

const DONE = /^(started|restarted|handed over before a restart|this does not help|that failed|a (leader|member) .* is killed)/;

/** The newest first. */
export const changesSince = (entries: readonly AuditEntry[], since: Date): Change[] =>
  entries
    .filter(({ time }) => Date.parse(time) >= since.getTime())
    .map(({ time, user, command, result, seconds, error }) => ({ time, user, command, result, seconds, ...(error && { error }) }))
    .reverse();
