import { randomUUID } from 'node:crypto';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import { didYouMean } from '../core/suggest.ts';
import { TEST_ALERT } from '../services/monitoring/alertmanager-view.ts';
import { DEAD_MAN } from '../services/monitoring/alerts-settings.ts';
import { acquireLock } from '../state/lock.ts';
import { type Alertmanager, hasAlertmanager, requireAlertmanager } from './alertmanager.ts';
import { callDeadMan, send } from './channels/send.ts';
import { alertsOfProject, channelOf } from './channels.ts';
import { type Attempts, attemptsOf } from './plan/alertmanager.ts';
import { type Alert, notification } from './plan/notification.ts';
import { withOutcome } from './plan/round.ts';
import { readAlertState, roundLock, writeAlertState } from './store.ts';

/** Longer than Alertmanager waits for the relay, and the relay for a mail server. */
const PATIENCE_MS = 25_000;

export interface ChannelTest {
  channel: string;
  kind: string;
  accepted: boolean;
  /** Why not; null where it was accepted. */
  problem: string | null;
  seconds: number;
}

const wordsOfTest = (run: string, channel: string, now: Date): Alert => ({
  status: 'firing',
  labels: { alertname: TEST_ALERT, severity: 'info', cause: 'watchdog', channel, run },
  annotations: { summary: `This is a test of the channel ${channel}: it works`, fix: 'medianest alerts' },
  startsAt: now.toISOString(),
  endsAt: new Date(now.getTime() + 30_000).toISOString(),
});

/**
 * Sends a test through each channel, by the way that alerts take, and says whether the receiver has accepted it. Severities, quiet times
 * and silences do not count for it.
 * @param wanted one channel, or all
 * @throws UserError USAGE for a channel that there is not, or where there is none; NOT_RUNNING
 */
export async function testChannels(context: Context, project: Project, wanted: string | undefined): Promise<ChannelTest[]> {
  const { channels, deadMan } = alertsOfProject(project);
  const names = Object.keys(channels);
  if (names.length === 0 && !deadMan.url)
    throw new UserError(
      'USAGE',
      'there is no channel to test',
      'name one in medianest.yml under alerts.channels (docs/alerts.md); then medianest up',
    );
  if (wanted !== undefined && !names.includes(wanted) && !(wanted === DEAD_MAN && deadMan.url))
    throw new UserError('USAGE', `there is no channel ${JSON.stringify(wanted)}; ${didYouMean(wanted, names)}`, 'medianest alerts test');
  const tested = names.filter((name) => wanted === undefined || name === wanted);
  const alertmanager = hasAlertmanager(project) ? await requireAlertmanager(context, project) : undefined;
  const results = alertmanager ? await byAlertmanager(context, alertmanager, tested) : await directly(context, project, tested);
  return results.map(({ name, problem, seconds }) => ({
    channel: name,
    kind: channels[name]?.kind ?? '',
    accepted: problem === undefined,
    problem: problem ?? null,
    seconds,
  }));
}

interface Tested {
  name: string;
  problem: string | undefined;
  seconds: number;
}

const since = (context: Context, start: Date): number => Math.round((context.clock.now().getTime() - start.getTime()) / 100) / 10;

/** Its own counts of attempts say whether one was accepted; the relay says why not. */
async function byAlertmanager(context: Context, alertmanager: Alertmanager, names: readonly string[]): Promise<Tested[]> {
  const attempts = async () => attemptsOf(await alertmanager.text('GET', '/metrics'));
  const before = await attempts();
  const unknown = names.filter((name) => before[name] === undefined);
  if (unknown.length > 0)
    throw new UserError(
      'NOT_RUNNING',
      `Alertmanager does not know ${unknown.join(', ')} yet`,
      'medianest up; then run the same command again',
    );
  const start = context.clock.now();
  const run = randomUUID();
  const alerts = names.map((name) => wordsOfTest(run, name, start));
  await alertmanager.text(
    'POST',
    '/api/v2/alerts',
    alerts.map(({ labels, annotations, startsAt, endsAt }) => ({
      labels: { ...labels },
      annotations: { ...annotations },
      startsAt,
      endsAt,
    })),
  );
  const done = new Map<string, Tested>();
  const look = async () => {
    const now = await attempts();
    const ended = names.filter((name) => !done.has(name) && verdict(before[name], now[name]) !== 'waiting');
    const deliveries = ended.length > 0 ? await alertmanager.deliveries() : {};
    for (const name of ended) {
      const accepted = verdict(before[name], now[name]) === 'accepted';
      const problem = accepted ? undefined : (deliveries[name]?.problem ?? 'the relay does not answer');
      done.set(name, { name, problem, seconds: since(context, start) });
    }
    return done.size === names.length ? true : undefined;
  };
  await poll(look, { every: 500, timeout: PATIENCE_MS, signal: context.signal, clock: context.clock });
  return names.map((name) => done.get(name) ?? { name, problem: 'no attempt was made in time', seconds: since(context, start) });
}

function verdict(before: Attempts | undefined, now: Attempts | undefined): 'waiting' | 'accepted' | 'failed' {
  const total = (now?.total ?? 0) - (before?.total ?? 0);
  const failed = (now?.failed ?? 0) - (before?.failed ?? 0);
  if (total > failed && total > 0) return 'accepted';
  return failed > 0 ? 'failed' : 'waiting';
}

/** What is proven here, the job `alerts` need not prove again: a channel that works now is no longer told to fail. */
async function directly(context: Context, project: Project, names: readonly string[]): Promise<Tested[]> {
  const tested = await sentDirectly(context, project, names);
  await noteOutcomes(context, project, tested);
  return tested;
}

async function noteOutcomes(context: Context, { state }: Project, tested: readonly Omit<Tested, 'seconds'>[]): Promise<void> {
  const lock = await acquireLock(roundLock(state), 'medianest alerts test', 60, context.signal, () => {});
  try {
    const noted = tested.reduce(
      (known, { name, problem }) => withOutcome(known, name, problem, context.clock.now()),
      readAlertState(state),
    );
    writeAlertState(state, noted);
  } finally {
    lock.release();
  }
}

async function sentDirectly(context: Context, project: Project, names: readonly string[]): Promise<Tested[]> {
  const { channels } = alertsOfProject(project);
  const start = context.clock.now();
  const run = randomUUID();
  return Promise.all(
    Object.entries(channels)
      .filter(([name]) => names.includes(name))
      .map(async ([name, settings]) => {
        const told = notification(project.loaded.settings.project, name, [wordsOfTest(run, name, start)]);
        const problem = await send(channelOf(name, settings), told);
        return { name, problem, seconds: since(context, start) };
      }),
  );
}

/** Whether the dead man's switch was reached: by the relay's last call, or by one from here. Undefined where there is none. */
export async function testDeadMan(context: Context, project: Project): Promise<{ accepted: boolean; problem: string | null } | undefined> {
  const { url } = alertsOfProject(project).deadMan;
  if (!url) return undefined;
  if (!hasAlertmanager(project)) {
    const problem = await callDeadMan(url.reveal());
    await noteOutcomes(context, project, [{ name: DEAD_MAN, problem }]);
    return outcome(problem);
  }
  const last = (await (await requireAlertmanager(context, project)).deliveries())[DEAD_MAN];
  return outcome(last ? last.problem : 'it was not called yet: that begins when Prometheus has run for a minute');
}

const outcome = (problem: string | undefined) => ({ accepted: problem === undefined, problem: problem ?? null });
