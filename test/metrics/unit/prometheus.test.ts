import { describe, expect, it } from 'vitest';
import { type Ask, answersOf, pathOf, spanOf } from '../../../src/metrics/plan/samples.ts';
import { queryOf, SECTIONS } from '../../../src/services/monitoring/panels/panel.ts';
import { PANELS } from '../../../src/services/monitoring/panels/panels.ts';

const span = { start: 0, end: 60, step: 15 };
const ask: Ask = { query: 'up', span };
const said = (...bodies: unknown[]) =>
  bodies
    .map((body) => `HTTP/1.0 200 OK\r\nDate: x\r\n\r\n${typeof body === 'string' ? body : JSON.stringify(body)}\n--medianest--\n`)
    .join('');
const success = (result: unknown[]) => ({ status: 'success', data: { result } });

describe('what Prometheus is asked', () => {
  it('is a path of its API', () => {
    expect(pathOf(ask)).toBe('/api/v1/query_range?query=up&start=0&end=60&step=15&timeout=15s');
    expect(pathOf({ query: 'a{b="c d"}', instant: true, span })).toBe('/api/v1/query?query=a%7Bb%3D%22c+d%22%7D&time=60&timeout=15s');
  });
  it('has at most 121 moments, and ends now', () => {
    for (const seconds of [3600, 86_400, 2_592_000]) {
      const span = spanOf(new Date(1_000_000_007_000), seconds, 15);
      expect((span.end - span.start) / span.step).toBeLessThanOrEqual(120);
      expect((span.end - span.start) % span.step).toBe(0);
      expect(span.step).toBeGreaterThanOrEqual(15);
      expect(span.end - span.start).toBeGreaterThanOrEqual(seconds);
      expect(span.end).toBe(999_999_990 + 15);
    }
  });
  it('takes rates over four scrapes at least', () => {
    expect(queryOf({ query: 'rate(x[$window]) + y[$window]' }, 15, 15)).toBe('rate(x[60s]) + y[60s]');
    expect(queryOf({ query: 'rate(x[$window])' }, 21_600, 15)).toBe('rate(x[21600s])');
  });
});

describe('its answers', () => {
  it('are series, in the order of the questions, without what is no number', () => {
    const range = success([
      {
        metric: { a: '1' },
        values: [
          [0, '1'],
          [15, 'NaN'],
          [30, '2.5'],
        ],
      },
    ]);
    const instant = success([{ metric: {}, value: [60, '7'] }]);
    expect(answersOf(said(range, instant), [ask, ask])).toEqual([
      [
        {
          labels: { a: '1' },
          points: [
            [0, 1],
            [30, 2.5],
          ],
        },
      ],
      [{ labels: {}, points: [[60, 7]] }],
    ]);
  });
  it.each([
    ['an error of its own', said({ status: 'error', error: 'parse error: x' }), 'parse error: x'],
    ['something else', said('<html>'), 'something else'],
    ['fewer than were asked', '', '0 of 1'],
    ['one that was cut off', said(success([])).slice(0, -16), '0 of 1'],
  ])('are refused: %s', (_what, output, why) => {
    expect(() => answersOf(output, [ask])).toThrow(why);
  });
});

describe('the panels', () => {
  it('have names of their own, and every section has some', () => {
    expect(new Set(PANELS.map(({ id }) => id)).size).toBe(PANELS.length);
    expect(new Set(PANELS.map(({ section }) => section))).toEqual(new Set(SECTIONS));
  });
  it('have no title twice in a section', () => {
    const titles = PANELS.map(({ section, title }) => `${section}: ${title}`);
    expect(new Set(titles).size).toBe(titles.length);
  });
});
