/** Pure: what is done about containers that ended or do not answer. Time comes in as milliseconds. */

import { endedByFault } from '../../docker/plan/ends.ts';
import type { MemberState } from '../../stack/member.ts';

export interface Patient {
  service: string;
  container: string;
  group?: string;
  /** The services that have to be well before it can be. */
  after: readonly string[];
  /** created, running, paused, restarting, exited, dead; undefined where the engine does not know it. */
  state: string | undefined;
  exitCode: number | undefined;
  health: 'healthy' | 'unhealthy' | 'starting' | 'none';
  /** It was stopped on purpose (`docker stop`), according to the engine. */
  stopped: boolean;
  /** The agent's restart stopped it and then failed to start it. */
  halfRestarted: boolean;
  /** A treatment of it has begun, and not ended. */
  treating: boolean;
}

/** What is remembered of one service between two rounds. */
export interface History {
  /** Since when it has been ended by a fault. */
  endedSince?: number;
  unhealthySince?: number;
  /** When it began to start, or Docker began to restart it; kept until it has been well for `CURED_MS`. */
  startingSince?: number;
  wellSince?: number;
  /** When it was started or restarted, newest last. */
  treated: number[];
  /** A hand-over of what it leads was tried at this time. */
  handedOver?: number;
  gaveUp?: boolean;
}

export interface HealLimits {
  /** Docker's restart policy and the fencer come first. */
  endedSeconds: number;
  unhealthySeconds: number;
  attempts: number;
}

export type Treatment =
  | { do: 'start' | 'restart' | 'handover'; service: string; container: string; why: string }
  /** Told once: nothing more is done for now. */
  | { do: 'give-up'; service: string; container: string; why: string };

/** What was treated more often than is allowed within this time is left alone until it is over. */
const WINDOW_MS = 600_000;
/** What has been well for so long is cured, by the rule of Docker's own restart policy: the next fault is another one. */
const CURED_MS = 10_000;
const BACKOFF_MS = 15_000;
/** A hand-over that has not helped by then is not waited for. */
const HANDOVER_MS = 60_000;
/** A member that takes longer to start no longer keeps the others of its group from being restarted. */
const STARTING_MS = 600_000;

/** So many restart beside each other at most: a host under load makes all unhealthy at once, and starting all of them is more load. */
const RESTARTS = 4;

/**
 * Who leads a group, or may: if no member is known to lead, each whose role is not known might, and of a group that does not tell, all.
 * @param states what the group tells of its members; undefined where it does not
 */
export function mayLead(members: readonly string[], states: Readonly<Record<string, MemberState>> | undefined): string[] {
  const of = (...roles: (MemberState['role'] | undefined)[]) => members.filter((name) => roles.includes(states?.[name]?.role));
  const known = of('leader');
  return known.length > 0 ? known : of('unknown', undefined);
}

/**
 * @param leads services that lead their group, or may (`mayLead`)
 * @returns what to do now, and what to remember
 */
export function planHealing(
  patients: readonly Patient[],
  before: Readonly<Record<string, History>>,
  leads: ReadonlySet<string>,
  limits: HealLimits,
  now: number,
): { treatments: Treatment[]; histories: Record<string, History> } {
  const histories = Object.fromEntries(patients.map((patient) => [patient.service, remember(patient, before[patient.service], now)]));
  const treatments: Treatment[] = [];
  const taken = new Set(patients.flatMap(({ group, treating }) => (treating && group !== undefined ? [group] : [])));
  let restarting = patients.filter(({ treating }) => treating).length;
  const comesBack = (patient: Patient): boolean => {
    const { startingSince, gaveUp } = histories[patient.service] as History;
    return isEnded(patient) ? !gaveUp : startingSince !== undefined && now - startingSince < STARTING_MS;
  };
  for (const patient of patients) {
    const history = histories[patient.service] as History;
    const wanted = patient.treating ? undefined : treatment(patient, history, patients, { leads, limits, comesBack }, now);
    if (!wanted) continue;
    if (history.treated.length >= limits.attempts) {
      if (!history.gaveUp) treatments.push({ ...wanted, do: 'give-up' });
      history.gaveUp = true;
      continue;
    }
    if (now < nextTurn(history)) continue;
    if (wanted.do === 'restart' && restarting >= RESTARTS) continue;
    // One member of a group at a time: the others have the data meanwhile. Starting a dead container removes no member.
    if (wanted.do !== 'start' && patient.group !== undefined) {
      if (taken.has(patient.group)) continue;
      taken.add(patient.group);
    }
    if (wanted.do === 'restart') restarting++;
    if (wanted.do === 'handover') history.handedOver = now;
    else history.treated.push(now);
    treatments.push(wanted);
  }
  return { treatments, histories };
}

/** A fault ended it, and Docker's restart policy does not start it: after `docker kill`, or when a restart stopped it and then failed. */
const isEnded = ({ state, exitCode, stopped, halfRestarted }: Patient): boolean =>
  state === 'exited' && (halfRestarted || (!stopped && exitCode !== undefined && endedByFault(exitCode)));

const isStarting = ({ state, health }: Patient): boolean => state === 'restarting' || (state === 'running' && health === 'starting');

const isWell = ({ state, health }: Patient): boolean => state === 'running' && (health === 'healthy' || health === 'none');

/** Well itself, or another of its group is. */
function isThere(service: string, all: readonly Patient[]): boolean {
  const wanted = all.find((other) => other.service === service);
  if (!wanted || isWell(wanted)) return true;
  return wanted.group !== undefined && all.some((other) => other.group === wanted.group && isWell(other));
}

function remember(patient: Patient, before: History | undefined, now: number): History {
  const well = isWell(patient) && { wellSince: before?.wellSince ?? now };
  const cured = well && now - well.wellSince >= CURED_MS;
  const treated = cured ? [] : (before?.treated ?? []).filter((at) => now - at < WINDOW_MS);
  const ended = isEnded(patient) && { endedSince: before?.endedSince ?? now };
  const unhealthy = patient.state === 'running' && patient.health === 'unhealthy' && { unhealthySince: before?.unhealthySince ?? now };
  // Between two restarts by Docker, it may have exited, or be well for a moment.
  const onItsWay = isStarting(patient) || (before?.startingSince !== undefined && (isEnded(patient) || (isWell(patient) && !cured)));
  const starting = onItsWay && { startingSince: before?.startingSince ?? now };
  const gaveUp = before?.gaveUp === true && treated.length > 0 && Boolean(ended || unhealthy);
  return {
    ...ended,
    ...unhealthy,
    ...starting,
    ...well,
    treated,
    ...(unhealthy && before?.handedOver !== undefined && { handedOver: before.handedOver }),
    ...(gaveUp && { gaveUp }),
  };
}

function treatment(
  patient: Patient,
  history: History,
  all: readonly Patient[],
  { leads, limits, comesBack }: { leads: ReadonlySet<string>; limits: HealLimits; comesBack(patient: Patient): boolean },
  now: number,
): Treatment | undefined {
  const { service, container, group } = patient;
  if (history.endedSince !== undefined) {
    if (now - history.endedSince < limits.endedSeconds * 1000) return undefined;
    const why = patient.halfRestarted ? 'its restart failed after it was stopped' : `it ended with status ${patient.exitCode}`;
    return { do: 'start', service, container, why };
  }
  if (history.unhealthySince === undefined || now - history.unhealthySince < limits.unhealthySeconds * 1000) return undefined;
  // A restart does not help a service that waits for another one.
  if (!patient.after.every((name) => isThere(name, all))) return undefined;
  const others = all.filter((other) => group !== undefined && other.group === group && other.service !== service);
  // A group needs another member meanwhile; if all are unhealthy, restarting one can only help.
  if (others.some(comesBack)) return undefined;
  const why = `it has been unhealthy for ${Math.round((now - history.unhealthySince) / 1000)} s`;
  const tried = history.handedOver !== undefined && now - history.handedOver >= HANDOVER_MS;
  if (leads.has(service) && others.some(isWell) && !tried) {
    return history.handedOver === undefined ? { do: 'handover', service, container, why } : undefined;
  }
  return { do: 'restart', service, container, why };
}

/** When it may be treated again: 15 s after the first time, then twice as long each time. */
function nextTurn({ treated }: History): number {
  const last = treated.at(-1);
  return last === undefined ? 0 : last + BACKOFF_MS * 2 ** (treated.length - 1);
}
