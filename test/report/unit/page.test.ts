import { describe, expect, it } from 'vitest';
import type { Point, Series } from '../../../src/metrics/plan/samples.ts';
import { chart } from '../../../src/report/draw/chart.ts';
import { dashboardPage, dashboardPart } from '../../../src/report/draw/dashboard-page.ts';
import { reportPage } from '../../../src/report/draw/report-page.ts';
import { timeline } from '../../../src/report/draw/timeline.ts';
import { reportJson } from '../../../src/report/plan/report.ts';
import { SECTION_TITLES } from '../../../src/services/monitoring/panels/panel.ts';
import { blankReport, NASTY, sampleReport } from '../../support/report-sample.ts';

const span = { start: 0, end: 600, step: 60 };
const series = (times: readonly number[], labels = {}): Series => ({ labels, points: times.map((time): Point => [time, time / 10]) });
const drawn = (...all: Series[]) => chart({ title: 'T', unit: 'count', span, by: 'name', series: all });

describe('a picture', () => {
  it('says in words what each line is, and where it stands', () => {
    const text = drawn(series([480, 540, 600], { name: 'b' }), series([480, 540], { name: 'a' }));
    expect(text).toMatch(/a <b>54<\/b> <span>48 to 54<\/span>.*b <b>60<\/b> <span>48 to 60<\/span>/);
    expect(text).toContain('aria-label="T: 54, 60 at the end"');
  });
  it('says of a line that has ended when that was', () => {
    expect(drawn(series([0, 60, 120]))).toContain('(last at 1970-01-01 00:02:00 UTC)');
    expect(drawn(series([480, 540, 600]))).not.toContain('last at');
  });
  it('draws no line through a time without data', () => {
    expect(/class="line c0" d="([^"]*)"/.exec(drawn(series([0, 60, 300, 360])))?.[1]?.match(/M/g)).toHaveLength(2);
    expect(/class="line c0" d="([^"]*)"/.exec(drawn(series([0, 60, 120, 180])))?.[1]?.match(/M/g)).toHaveLength(1);
  });
  it('shows a single point', () => {
    expect(drawn(series([300]))).toContain('<circle class="c0"');
  });
  it('says that there is no data', () => {
    for (const none of [drawn(), drawn(series([]))]) expect(none).toContain('No data in this time.');
  });
  it('counts lines that it cannot tell apart', () => {
    const many = Array.from({ length: 12 }, (_, index) => series([0, 60], { name: `n-${index}` }));
    expect(drawn(...many)).toContain('and 4 more');
  });
  it.each([
    ['a constant', [5, 5]],
    ['zero', [0, 0]],
    ['something below zero', [-5, 3]],
    ['something very small', [1e-9, 2e-9]],
    ['something very large', [1e15, 2e15]],
  ])('has places for %s', (_what, values) => {
    const points = values.map((value, index): Point => [index * 60, value]);
    expect(chart({ title: 'T', unit: 'bytes', span, series: [{ labels: {}, points }] })).not.toMatch(/NaN|undefined|Infinity/);
  });
});

it('a row of time keeps to its width, whatever is before or after it', () => {
  const text = timeline(
    'T',
    [{ name: 'a', said: 'b', status: 'ok', bar: [-1e12, 1e15], marks: [{ at: -5, status: 'fail', title: 'x' }] }],
    [0, 1e9],
  );
  for (const [, share] of text.matchAll(/"([\d.-]+)%"/g)) {
    expect(Number(share)).toBeGreaterThanOrEqual(0);
    expect(Number(share)).toBeLessThanOrEqual(100);
  }
});

describe.each([
  ['full', sampleReport()],
  ['blank', blankReport()],
])('the page of a %s report', (_kind, report) => {
  const page = reportPage(report);
  it('asks for nothing from anywhere', () => {
    expect(page).not.toMatch(/(src|href|action|poster|data|srcset)=|url\(|@import|<script|<link|<iframe|<object|javascript:/i);
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\/(?!media\.example)/);
  });
  it('has every part, and no value that is none', () => {
    for (const title of [
      'How well it served',
      'Incidents',
      'Backups and drills',
      'Certificates',
      'Disks',
      'Releases',
      'The stack',
      'Measured',
      'What was changed',
    ])
      expect(page).toContain(title);
    expect(page).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });
  it('comes to the verdict first', () => {
    expect(page.indexOf('class="verdict')).toBeLessThan(page.indexOf('<section>'));
  });
});

it('a part that cannot be read says so, with what to do', () => {
  const page = reportPage(blankReport());
  // The verdict, and ten parts.
  expect(page.match(/Cannot tell: the engine does not answer/g)).toHaveLength(11);
  expect(page).toContain('Fix: <code>systemctl start docker</code>');
});

it('no name is markup', () => {
  const report = sampleReport();
  const shown = { ...report, range: '7d' as const, checkedAt: report.at };
  for (const page of [reportPage(report), dashboardPart(shown)]) {
    expect(page).not.toContain(NASTY);
    expect(page).toContain('&quot;&gt;&lt;script&gt;');
    expect(page).not.toContain('<script>alert');
  }
});

it('JSON has the facts, without the pictures', () => {
  const json = reportJson(sampleReport());
  expect(Object.keys(json)).not.toContain('panels');
  expect(json).toMatchObject({ verdict: { value: { status: 'warn' } }, slo: { value: { measured: 0.97 } } });
});

describe('the dashboard', () => {
  it('has every section, the time that is chosen, and one script that may run', () => {
    const part = dashboardPart({ ...sampleReport(), range: '7d', checkedAt: sampleReport().at });
    for (const title of Object.values(SECTION_TITLES)) expect(part).toContain(`<h2>${title}</h2>`);
    expect(part).toContain('<a href="?for=7d" aria-current="page">');
    const page = dashboardPage({ project: NASTY, profile: 'prod', part, nonce: 'abc' });
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).toContain('<script nonce="abc">');
  });
  it('shows what is known without Prometheus', () => {
    const part = dashboardPart({ ...sampleReport(), panels: { missing: 'Not measured: x' }, range: '6h', checkedAt: sampleReport().at });
    expect(part).toContain('Not measured: x');
    for (const title of ['Certificates', 'Backups and RPO']) expect(part).toContain(`<h2>${title}</h2>`);
    expect(part).not.toContain('<h2>Cache</h2>');
  });
});
