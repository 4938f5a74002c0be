import { describe, expect, it } from 'vitest';
import { newLogTally } from '../../../src/agent/logs/log-tally.ts';
import { logMetrics } from '../../../src/agent/metrics/plan/log-metrics.ts';
import { metricsText } from '../../../src/core/metrics-text.ts';
import { judgeLogs, statusOf } from '../../../src/logs/plan/judge.ts';
import type { LogLine } from '../../../src/logs/plan/log-line.ts';
import { Kept, storedLine } from '../../../src/logs/plan/stored.ts';

const NOW = Date.UTC(2026, 10, 30, 4);
/** As the agent writes it. */
const status = (more: Partial<ReturnType<typeof newLogTally>> = {}, at = NOW) =>
  statusOf(JSON.stringify({ at: new Date(at).toISOString(), ...newLogTally(), ...more }));
const verdicts = (found: ReturnType<typeof status>) => judgeLogs(found, 'files', NOW).map((check) => `${check.id} ${check.status}`);

describe('the checks of logs', () => {
  it('are content while lines are stored', () => {
    expect(judgeLogs(status(), 'files', NOW)).toEqual([{ id: 'logs', status: 'ok', message: 'logs are stored (files)', value: 0 }]);
  });

  it('warn of a store that is away, of lines that wait, and of lost ones, with numbers and a remedy', () => {
    const [away] = judgeLogs(status({ up: false, problem: 'connect ECONNREFUSED' }), 'elasticsearch', NOW);
    expect(away).toMatchObject({ status: 'warn', message: 'logs are not stored (elasticsearch): connect ECONNREFUSED' });
    expect(judgeLogs(status({ lagSeconds: 200 }), 'files', NOW)[0]).toMatchObject({ status: 'warn', value: 200 });
    const unread = judgeLogs(status({ unread: { edge: 'the engine answered 501' } }), 'files', NOW)[1];
    expect(unread).toMatchObject({ id: 'logs.edge', status: 'warn', message: 'the lines of edge are not taken: the engine answered 501' });
    const lost = judgeLogs(status({ dropped: { buffer: 7, refused: 1 } }), 'files', NOW)[1];
    expect(lost).toMatchObject({ id: 'logs.dropped', status: 'warn', value: 8, remedy: expect.stringContaining('logs.buffer') });
  });

  it('tell of lines that were kept as files before, and are in no store', () => {
    const told = judgeLogs(status({ keptBefore: 3 * 1024 ** 2 }), 'elasticsearch', NOW)[1];
    expect(told).toMatchObject({
      id: 'logs.before',
      status: 'ok',
      message: expect.stringMatching(/^3 MiB of lines .* not in elasticsearch/),
    });
  });

  it('do not take silence for good', () => {
    expect(verdicts(undefined)).toEqual(['logs warn']);
    expect(verdicts(status({}, NOW - 60_000))).toEqual(['logs warn']);
    for (const text of ['', '{"at":"2026', '{}', 'cat: /run/agent-logs.json: No such file or directory'])
      expect(statusOf(text)).toBeUndefined();
  });
});

describe('metrics of logs', () => {
  it('have a series for each reason from the start, so that a first loss is an increase', () => {
    const text = metricsText(logMetrics({ ...newLogTally(), up: false, kept: 5, bytes: 99, lagSeconds: 1.5 }));
    expect(text.split('\n').filter((line) => line && !line.startsWith('#'))).toEqual([
      'medianest_logs_kept_total 5',
      'medianest_logs_shipped_total 0',
      'medianest_logs_dropped_total{reason="buffer"} 0',
      'medianest_logs_dropped_total{reason="refused"} 0',
      'medianest_logs_retried_total 0',
      'medianest_logs_cut_total 0',
      'medianest_logs_spans_total{result="sent"} 0',
      'medianest_logs_spans_total{result="dropped"} 0',
      'medianest_logs_bytes 99',
      'medianest_logs_lag_seconds 1.5',
      'medianest_logs_store_up 0',
    ]);
  });
});

describe('kept lines and those of the engine', () => {
  const line = (service: string, time: string, message = ''): LogLine => ({ service, time, level: 'info', message });

  it('make each line once: the engine’s count from where the kept ones end', () => {
    const kept = new Kept();
    for (const [service, time] of [
      ['a', '1'],
      ['a', '2'],
      ['a', '2'],
      ['b', '9'],
    ] as const)
      kept.note(line(service, time));
    const engine = [
      line('a', '0'),
      line('a', '2', 'first'),
      line('a', '2', 'second'),
      line('a', '2', 'third'),
      line('a', '3'),
      line('b', '8'),
      line('c', '1'),
    ];
    expect(engine.filter((entry) => !kept.has(entry)).map(({ service, time, message }) => `${service}${time}${message}`)).toEqual([
      'a2third',
      'a3',
      'c1',
    ]);
  });

  it('are shown alike, and what is no line is none', () => {
    expect(
      storedLine('{"@timestamp":"t","replica":"app-1","service":"app","level":"error","message":"m","fields":{"a":1},"id":"x"}'),
    ).toEqual({
      service: 'app-1',
      time: 't',
      level: 'error',
      message: 'm',
      fields: { a: 1 },
    });
    for (const text of ['', 'no JSON', '{}', '[]', 'null']) expect(storedLine(text)).toBeUndefined();
  });
});
