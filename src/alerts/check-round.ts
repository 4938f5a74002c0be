import type { Context, Project } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { collectChecks, look } from '../health/collect.ts';
import { healthReport } from '../health/plan/health.ts';
import { DEAD_MAN } from '../services/monitoring/alerts-settings.ts';
import { acquireLock } from '../state/lock.ts';
import { callDeadMan, send } from './channels/send.ts';
import { alertsOfProject, channelOf } from './channels.ts';
import { type Finding, findingsOf } from './plan/findings.ts';
import { type AlertState, afterDelivery, channelCheck, dueFor, nextState, withOutcome } from './plan/round.ts';
import { readAlertState, readSilences, roundLock, writeAlertState } from './store.ts';

/** One channel that was told something in a round. */
export interface RoundDelivery {
  channel: string;
  alerts: number;
  problem?: string;
}

export interface Round {
  firing: number;
  delivered: RoundDelivery[];
  /** Why the dead man's switch was not reached; null where it was, or where there is none. */
  deadMan: string | null;
}

/**
 * What Prometheus and Alertmanager do elsewhere: asks the health checks, and tells each channel what is new to it. A channel that
 * fails is tried again in the next round, and the other channels are told at once.
 */
export async function checkRound(context: Context, project: Project): Promise<Round> {
  const { state } = project;
  const { deadMan } = alertsOfProject(project);
  const lock = await acquireLock(roundLock(state), 'medianest alerts check', 30, context.signal, () => {});
  try {
    const findings = await findingsNow(context, project);
    const now = context.clock.now();
    const first = await tellAll(context, project, nextState(readAlertState(state), findings, now));
    const failing = failingChannels(first.state).filter(({ id }) => !findings.some((finding) => finding.id === id));
    const all = [...findings, ...failing];
    const second = failing.length > 0 ? await tellAll(context, project, nextState(first.state, all, now), first.failed) : undefined;
    const problem = deadMan.url ? await callDeadMan(deadMan.url.reveal()) : undefined;
    writeAlertState(state, withOutcome((second ?? first).state, DEAD_MAN, problem, context.clock.now()));
    return { firing: all.length, delivered: [...first.delivered, ...(second?.delivered ?? [])], deadMan: problem ?? null };
  } finally {
    lock.release();
  }
}

/** What is wrong now. An engine that does not answer is a finding too, and the one that says most. */
export async function findingsNow(context: Context, project: Project): Promise<Finding[]> {
  try {
    const seen = await look(context, project);
    const checks = await collectChecks(seen);
    const report = healthReport(seen.manifest, seen.containers, checks, seen.lives, context.clock.now().getTime());
    return findingsOf(report.checks, seen.manifest?.services);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    const check: Check = { id: 'engine', status: 'fail', message: error.message, remedy: error.hint };
    return findingsOf([check]);
  }
}

const failingChannels = ({ failures }: AlertState): Finding[] =>
  findingsOf(Object.entries(failures).map(([name, { message }]) => channelFails(name, message)));

/** For `health`, and for the other channels. */
export const channelFails = (name: string, message: string): Check => ({
  id: channelCheck(name),
  status: 'fail',
  message: name === DEAD_MAN ? `the dead man’s switch is not reached: ${message}` : `alerts do not reach the channel ${name}: ${message}`,
  remedy: `medianest alerts test ${name}`,
});

interface Told {
  state: AlertState;
  delivered: RoundDelivery[];
  failed: string[];
}

/** All channels at once; the state is kept after each, so that a killed round tells nothing twice. @param except channels that failed just now */
async function tellAll(context: Context, project: Project, begin: AlertState, except: readonly string[] = []): Promise<Told> {
  const { channels, repeatHours, timezone } = alertsOfProject(project);
  const silences = readSilences(project.state);
  const told: Told = { state: forgetChannels(begin, Object.keys(channels)), delivered: [], failed: [] };
  writeAlertState(project.state, told.state);
  const tell = async (name: string, settings: (typeof channels)[string]) => {
    const asked = { project: project.loaded.settings.project, channel: name, settings, repeatHours, timezone, silences };
    const message = dueFor(begin, asked, context.clock.now());
    if (!message) return;
    const problem = await send(channelOf(name, settings), message);
    told.state = afterDelivery(told.state, name, message, problem, context.clock.now());
    writeAlertState(project.state, told.state);
    told.delivered.push({ channel: name, alerts: message.alerts.length, ...(problem !== undefined && { problem }) });
    if (problem !== undefined) told.failed.push(name);
  };
  const asked = Object.entries(channels).filter(([name]) => !except.includes(name));
  await Promise.all(asked.map(([name, settings]) => tell(name, settings)));
  return told;
}

/** A channel that is no setting any more cannot fail. */
const forgetChannels = (state: AlertState, names: readonly string[]): AlertState => ({
  ...state,
  failures: Object.fromEntries(Object.entries(state.failures).filter(([name]) => name === DEAD_MAN || names.includes(name))),
});
