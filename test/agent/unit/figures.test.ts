import { describe, expect, it } from 'vitest';
import { figureMetrics } from '../../../src/agent/metrics/plan/figures.ts';
import { metricsText } from '../../../src/core/metrics-text.ts';

const FIGURES = { watcher: [{ name: 'medianest_watcher_seen_total', help: 'Seen.' }] };
const told = (said: string | undefined, more: { service?: string; state?: string } = {}) =>
  metricsText(
    figureMetrics(
      [
        {
          service: 'watcher',
          state: 'running',
          health: 'healthy',
          restarts: 0,
          startedAt: 1,
          usage: undefined,
          ...(said !== undefined && { said }),
          ...more,
        },
      ],
      FIGURES,
    ),
  )
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('figures that a container prints with its health', () => {
  it('are passed on with the name of the service', () => {
    const said = 'fine\nmedianest_watcher_seen_total{kind="high"} 3\nmedianest_watcher_seen_total{kind="low"} 0.5\n';
    expect(told(said)).toEqual([
      'medianest_watcher_seen_total{kind="high",service="watcher"} 3',
      'medianest_watcher_seen_total{kind="low",service="watcher"} 0.5',
    ]);
    expect(metricsText(figureMetrics([], FIGURES))).toBe('');
  });

  it.each([
    ['another metric', 'medianest_container_running 1'],
    ['another service', 'medianest_watcher_seen_total{service="edge"} 1', 'medianest_watcher_seen_total{service="watcher"} 1'],
    ['another metric, by a label', 'medianest_watcher_seen_total{__name__="up"} 1'],
    ['no number', 'medianest_watcher_seen_total 1e9'],
    ['a negative number', 'medianest_watcher_seen_total -1'],
    ['a line of another form', 'medianest_watcher_seen_total{a="b",c="d"} 1'],
    ['a text with a quote', 'medianest_watcher_seen_total{a="b\\"} 1'],
    ['a line that the engine has cut', 'medianest_watcher_seen_tot'],
  ])('take %s for nothing, or for its own', (_what, line, taken?: string) => {
    expect(told(line)).toEqual(taken === undefined ? [] : [taken]);
  });

  it('are few, and each series is told once', () => {
    const line = (index: number) => `medianest_watcher_seen_total{kind="${index}"} 1`;
    expect(told(Array.from({ length: 99 }, (_each, index) => line(index)).join('\n'))).toHaveLength(8);
    expect(told('medianest_watcher_seen_total 1\nmedianest_watcher_seen_total 2\n')).toEqual([
      'medianest_watcher_seen_total{service="watcher"} 2',
    ]);
  });

  it('are not told of a container that has stopped, has said nothing, or may not', () => {
    const said = 'medianest_watcher_seen_total 3\n';
    expect([
      told(said, { state: 'exited' }),
      told(undefined),
      told(said, { service: 'app-1' }),
      told(said, { service: 'toString' }),
    ]).toEqual([[], [], [], []]);
  });
});
