import { describe, expect, it } from 'vitest';
import { type Finding, findingsOf } from '../../../src/alerts/plan/findings.ts';
import { type AlertState, afterDelivery, channelCheck, dueFor, NO_STATE, nextState, withOutcome } from '../../../src/alerts/plan/round.ts';
import type { Silence } from '../../../src/alerts/plan/silence.ts';

const START = Date.parse('2026-11-29T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000);
const bad = (id: string, severity: Finding['severity'] = 'critical', cause = 'database'): Finding => ({
  id,
  severity,
  cause,
  summary: `${id} is bad`,
  fix: 'medianest status',
});
const settings = { severities: ['critical', 'warning'] as ('critical' | 'warning' | 'info')[], quiet: undefined };
const asked = (more: object = {}) => ({
  project: 'home',
  channel: 'desk',
  settings,
  repeatHours: 4,
  timezone: 'UTC',
  silences: [],
  ...more,
});

/** Plays rounds, one a minute; each is what is wrong then. @returns what the channel was told in each: `+ID` fires, `-ID` is over */
function told(rounds: readonly (readonly Finding[])[], more: object = {}, fails: (minute: number) => boolean = () => false): string[] {
  let state: AlertState = NO_STATE;
  return rounds.map((findings, minute) => {
    state = nextState(state, findings, at(minute));
    const due = dueFor(state, asked(more), at(minute));
    if (!due) return '';
    state = afterDelivery(state, 'desk', due, fails(minute) ? 'it answers 500' : undefined, at(minute));
    return due.alerts.map(({ status, labels }) => `${status === 'firing' ? '+' : '-'}${labels.alertname}`).join(' ');
  });
}
const [a, b, slow] = [bad('a'), bad('b', 'critical', 'disk'), bad('w', 'warning')];

describe('an alert on a health check', () => {
  it('is told once when it begins, and once when it is over', () => {
    expect(told([[a], [a], [a], [], [], [], []])).toEqual(['+a', '', '', '', '-a', '', '']);
  });
  it('fires at once where it is critical, and in the second round where it is a warning', () => {
    expect(
      told([
        [a, slow],
        [a, slow],
      ]),
    ).toEqual(['+a', '+w']);
    expect(told([[slow], [], [slow], []])).toEqual(['', '', '', '']);
  });
  it('is one message with others, the root cause first', () => {
    expect(told([[a, b]])).toEqual(['+b +a']);
  });
  it('is not over after one good round', () => {
    expect(told([[a], [], [a], [], [a]])).toEqual(['+a', '', '', '', '']);
  });
  it('is told as flapping from its third beginning within an hour, and is over only after a quarter of an hour', () => {
    const cycle = [[a], [], [], []];
    const rounds = told([...cycle, ...cycle, ...cycle, ...Array.from({ length: 20 }, () => [])]);
    expect(rounds.slice(0, 12)).toEqual(['+a', '', '-a', '', '+a', '', '-a', '', '+a', '', '', '']);
    expect(rounds.indexOf('-a', 9)).toBe(9 + 15);
  });
  it('is told again after some hours', () => {
    const rounds = told(
      Array.from({ length: 130 }, () => [a]),
      { repeatHours: 1 },
    );
    expect(rounds.flatMap((text, minute) => (text ? [minute] : []))).toEqual([0, 60, 120]);
  });
  it('fires and is over in its time where the clock was put back by an hour', () => {
    const moments = [60, 0, 1, 2, 3, 4];
    const seen = [[slow], [slow], [slow], [], [], []];
    let state: AlertState = NO_STATE;
    const fires = moments.map((minute, round) => {
      state = nextState(state, seen[round] ?? [], at(minute));
      const alert = state.alerts.w;
      return alert?.fires === true && alert.resolved === undefined;
    });
    expect(fires).toEqual([false, false, true, true, false, false]);
  });
  it('is tried again until the receiver takes it, and its end is told only where its beginning was', () => {
    expect(told([[a], [a], [a], [], []], {}, (minute) => minute < 2)).toEqual(['+a', '+a', '+a', '', '-a']);
    expect(told([[a], [], [], []], {}, () => true)).toEqual(['+a', '+a', '', '']);
  });
  it('is not told to a channel that is not told its severity', () => {
    expect(told([[slow], [slow], [a, slow]], { settings: { ...settings, severities: ['critical'] } })).toEqual(['', '', '+a']);
  });
  it('waits for the end of a quiet time where it is no critical one', () => {
    const quiet = { from: '09:00', to: '10:03' };
    expect(told([[slow], [slow, a], [slow, a], [slow, a]], { settings: { ...settings, quiet } })).toEqual(['', '+a', '', '+w']);
    const night = { from: '22:00', to: '11:03' };
    const berlin = told([[slow], [slow], [slow], [slow]], { settings: { ...settings, quiet: night }, timezone: 'Europe/Berlin' });
    expect(berlin).toEqual(['', '', '', '+w']);
  });
  it('is held back by a silence of its name, its cause or its service', () => {
    const silence = (label: Silence['label'], value: string, until = at(60)): Silence[] => [
      { id: '1', label, value, until: until.toISOString(), why: 'x', by: 'me' },
    ];
    const one = { ...a, instance: 'postgres-1' };
    for (const silences of [silence('alertname', 'a'), silence('cause', 'database'), silence('instance', 'postgres-1')])
      expect(told([[one], [one]], { silences })).toEqual(['', '']);
    expect(told([[one]], { silences: silence('cause', 'disk') })).toEqual(['+a']);
    expect(told([[one], [one], [one]], { silences: silence('cause', 'database', at(2)) })).toEqual(['', '', '+a']);
  });
  it('that a channel fails is not told to itself', () => {
    expect(told([[bad(channelCheck('desk'))]])).toEqual(['']);
    expect(told([[bad(channelCheck('phone'))]])).toEqual(['+alert-channel.phone']);
  });
});

describe('a channel that fails', () => {
  it('is known with its first and its last failure, until it takes a message', () => {
    let state = nextState(NO_STATE, [a], at(0));
    const tell = (minute: number, problem?: string) => {
      const due = dueFor(state, asked(), at(minute));
      if (due) state = afterDelivery(state, 'desk', due, problem, at(minute));
    };
    tell(0, 'it answers 500');
    tell(1, 'it does not answer in time');
    expect(state.failures.desk).toEqual({ since: at(0).toISOString(), at: at(1).toISOString(), message: 'it does not answer in time' });
    tell(2);
    expect(state.failures).toEqual({});
    state = withOutcome(state, 'dead-man', 'it answers 500', at(3));
    expect(state.failures['dead-man']).toMatchObject({ message: 'it answers 500' });
  });
});

describe('findings', () => {
  const services = [
    { name: 'postgres-1', component: 'patroni', role: 'database' as const },
    { name: 'mine', component: 'mine' },
  ];
  it('are the checks that are not ok, with the cause by the role of the service', () => {
    const found = findingsOf(
      [
        { id: 'container.postgres-1', status: 'fail', message: 'postgres-1: Exited', remedy: 'medianest up' },
        { id: 'container.mine', status: 'warn', message: 'mine: starting' },
        { id: 'disk.database', status: 'warn', message: 'little space' },
        { id: 'jobs', status: 'ok', message: 'fine' },
      ],
      services,
    );
    expect(found).toMatchObject([
      { id: 'container.postgres-1', severity: 'critical', cause: 'database', instance: 'postgres-1', fix: 'medianest up' },
      { id: 'container.mine', severity: 'warning', cause: 'container', instance: 'mine', fix: 'medianest why mine' },
      { id: 'disk.database', cause: 'disk', fix: 'medianest health' },
    ]);
  });
});
