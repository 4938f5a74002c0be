import type { Clue } from '../../capability/clue.ts';
import { judgeLife, type Life, restartsText } from '../../docker/plan/lives.ts';
import type { ContainerStory, ObservedContainer } from '../../docker/types.ts';
import { bytes } from '../../host/plan/finding.ts';
import type { Manifest } from '../../stack/manifest.ts';
import type { AuditEntry } from '../../state/audit.ts';

/** One thing that was seen, and where. */
export interface Evidence {
  /** ISO 8601; null where the time is not known. */
  at: string | null;
  source: 'engine' | 'health check' | 'log' | 'audit log' | 'cluster controller' | 'agent' | 'alert' | 'settings';
  text: string;
}

/** What is wrong with one service, and what to do about it. */
export interface Cause {
  service: string;
  what: string;
  /** Since when, at the latest; ISO 8601, null where it is not known. */
  since: string | null;
  evidence: Evidence[];
  fix: string;
}

/** Why a service is as it is. */
export interface Why {
  service: string;
  /** `fail`: something that it needs, or it itself, does not work. `warn`: it did not until a moment ago. */
  status: 'ok' | 'warn' | 'fail';
  /** The root comes first: what is furthest from the visitor. */
  causes: Cause[];
  /** What was changed in the half hour before the first of them began. */
  changes: Evidence[];
}

/** What is known of one container that should run. */
export interface Suspect {
  service: string;
  component: string;
  /** Undefined where there is none. */
  container: ObservedContainer | undefined;
  story: ContainerStory | undefined;
  life: Life | undefined;
  /** The last lines of its log that are no ordinary news. */
  lines: readonly string[];
}

type Written = Pick<Manifest['services'][number], 'name' | 'role' | 'after' | 'process'>;

/** The services that these need, near and far: what is further from the visitor comes first. */
export function neededBy<S extends Written>(asked: readonly S[], all: readonly S[]): S[] {
  const found = new Set<S>();
  const visit = (service: S) => {
    // A balancer starts without the application, and has nothing to say without it.
    const behind = (other: S) => service.role === 'balancer' && other.role === 'application' && !other.process?.drains;
    const needs = (other: S) => service.after?.includes(other.name) || behind(other);
    for (const other of all.filter(needs)) {
      if (found.has(other)) continue;
      visit(other);
      found.add(other);
    }
  };
  for (const service of asked) visit(service);
  return [...found].filter((service) => !asked.includes(service));
}

/** What is wrong with a container, from what the engine says of it; undefined where nothing is. @param now milliseconds since 1970 */
export function causeOf({ service, component, container, story, life, lines }: Suspect, now: number): Cause | undefined {
  if (!container) return { service, what: 'does not exist', since: null, evidence: [], fix: 'medianest up' };
  const said = lines.map((text): Evidence => ({ at: null, source: 'log', text }));
  const lived = life && judgeLife(life, now);
  const logs = `medianest logs ${service}`;
  if (container.state === 'paused')
    return { service, what: 'is paused', since: null, evidence: [], fix: `docker unpause ${container.name}` };
  // It may have ended since the containers were listed.
  if (container.state !== 'running' || lived === 'loops' || story?.running === false) {
    const end = story ? endOf(story, component) : { text: container.status, fix: undefined };
    const again = lived === 'loops' && life ? `ends again and again (${restartsText(life, now)})` : 'does not run';
    return {
      service,
      what: `${again}: ${end.text}`,
      since: story?.finished?.toISOString() ?? null,
      evidence: [{ at: story?.finished?.toISOString() ?? null, source: 'engine', text: container.status }, ...said],
      fix: end.fix ?? `${logs} shows more; correct what it says, then medianest up`,
    };
  }
  if (container.health === 'unhealthy') {
    const failing = failingChecks(story);
    const last = failing.at(-1);
    return {
      service,
      what: last
        ? `runs, and its health check fails: ${lastLine(last.output) || `exit status ${last.exitCode}`}`
        : 'runs, and its health check fails',
      since: failing[0]?.at.toISOString() ?? null,
      evidence: [
        ...failing.map(
          ({ at, exitCode, output }): Evidence => ({
            at: at.toISOString(),
            source: 'health check',
            text: lastLine(output) || `exit status ${exitCode}`,
          }),
        ),
        ...said,
      ],
      fix: `${logs} shows more; medianest restart ${service}`,
    };
  }
  return undefined;
}

/** What was wrong until a moment ago: a container that the engine has restarted, and that runs again. How it ended is not known any more. */
export function recentEnd({ service, life, lines }: Suspect, now: number): Cause | undefined {
  if (!life || judgeLife(life, now) === 'calm') return undefined;
  return {
    service,
    what: `runs again, ${restartsText(life, now)}`,
    since: new Date(life.started).toISOString(),
    evidence: lines.map((text) => ({ at: null, source: 'log', text })),
    fix: `medianest logs ${service} shows what it said before it ended`,
  };
}

/** Exit statuses: those of the shell (POSIX, "Exit Status for Commands"), 128 and the number of the signal that ended it. */
function endOf({ running, exitCode, oomKilled, error, memoryLimit }: ContainerStory, component: string): { text: string; fix?: string } {
  if (running) return { text: 'it runs at this moment, and how it ended is not known any more' };
  if (error) return { text: `the engine could not start it: ${error}` };
  if (oomKilled)
    return {
      text: `the kernel ended it, because it reached its memory limit${memoryLimit > 0 ? ` of ${bytes(memoryLimit)}` : ''}`,
      fix: `give it more memory in medianest.yml (medianest config show | grep memory names the setting of ${component}), then medianest up`,
    };
  if (exitCode === 137)
    return {
      text: 'it was killed (SIGKILL), and not for its memory: by `docker kill`, or by a stop that took too long',
      fix: 'medianest up',
    };
  if (exitCode === 143) return { text: 'it was stopped (SIGTERM)', fix: 'medianest up' };
  if (exitCode === 0) return { text: 'it ended with status 0: it was stopped, or had nothing more to do', fix: 'medianest up' };
  if (exitCode === 127) return { text: 'its program was not found in the image (exit status 127)' };
  if (exitCode === 126) return { text: 'its program may not be run (exit status 126)' };
  const signal = exitCode > 128 && exitCode <= 128 + 64 ? ` (signal ${exitCode - 128})` : '';
  return { text: `it ended with status ${exitCode}${signal}` };
}

/** The checks that have failed one after the other until now, the oldest first. */
const failingChecks = (story: ContainerStory | undefined): ContainerStory['checks'] => {
  const checks = story?.checks ?? [];
  return checks.slice(checks.findLastIndex(({ exitCode }) => exitCode === 0) + 1);
};

const lastLine = (text: string): string => text.split('\n').at(-1)?.trim() ?? '';

/** A change is told as a possible cause where the trouble began so soon after it. */
export const CHANGE_MS = 30 * 60_000;

/** Changes by people and jobs in the half hour before a moment, the newest last. */
export function changesBefore(audit: readonly AuditEntry[], moment: Date): Evidence[] {
  return audit
    .filter(({ time }) => {
      const before = moment.getTime() - Date.parse(time);
      return before >= 0 && before <= CHANGE_MS;
    })
    .map(({ time, command, reason, user, result }) => ({
      at: time,
      source: 'audit log',
      text: `${command}${reason ? ` (${reason})` : ''} by ${user}: ${result}`,
    }));
}

/** Each cause with what capabilities know of its service, in the order of time; log lines without a time come last. */
export function withClues(causes: readonly Cause[], clues: readonly Clue[]): Cause[] {
  return causes.map((cause) => {
    const own = clues.filter(({ service }) => service === cause.service).map(({ at, source, text }): Evidence => ({ at, source, text }));
    const timed = [...cause.evidence, ...own]
      .filter(({ at }) => at !== null)
      .sort((a, b) => Date.parse(a.at ?? '') - Date.parse(b.at ?? ''));
    return { ...cause, evidence: [...timed, ...[...cause.evidence, ...own].filter(({ at }) => at === null)] };
  });
}
