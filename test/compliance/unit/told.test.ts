import { describe, expect, it } from 'vitest';
import { describeCompliance } from '../../../src/compliance/describe.ts';
import { compliancePage } from '../../../src/compliance/draw/compliance-page.ts';
import { alike, complianceJson, countText, isClosed } from '../../../src/compliance/plan/report.ts';
import { painter } from '../../../src/ui/paint.ts';
import { blindCompliance, sampleCompliance } from '../../support/compliance-sample.ts';
import { NASTY } from '../../support/report-sample.ts';

const told = (report: ReturnType<typeof sampleCompliance>, all = false) =>
  describeCompliance(report, { all, width: 100, paint: painter(false) });

describe('the text', () => {
  it('counts first, then tells what is open with its fix, and what could not be told with its reason', () => {
    const text = told(sampleCompliance());
    expect(text).toMatch(
      /^shop.*: \d+ met, \d+ open, \d+ cannot tell, \d+ by hand, \d+ not applicable\n {2}CIS Docker Benchmark 1\.8\.0: /,
    );
    expect(text).toMatch(/^open {2}cis-5\.5: No container is privileged\n {6}1 of 4: shop-evil/m);
    expect(text).toMatch(/^cannot tell {2}gdpr-32-1-b-clock: systemd says/m);
    expect(text).not.toMatch(/^met {2}/m);
    expect(text).toContain('not judged, because they have no container: gone');
  });
  it('says one reason once', () => {
    expect(told(blindCompliance()).match(/the engine does not answer/g)).toHaveLength(1);
  });
  it('lists every point where that is asked', () => {
    const report = sampleCompliance();
    expect(told(report, true).match(/^(met|open|cannot tell|by hand|not applicable) {2}/gm)).toHaveLength(report.points.length);
  });
});

describe('the JSON', () => {
  it('counts by standard, and has each point with what was seen', () => {
    const report = sampleCompliance();
    const json = complianceJson(report) as unknown as {
      counts: Record<string, number>;
      standards: { id: string; counts: Record<string, number> }[];
      points: object[];
    };
    expect(json.standards.map(({ id }) => id)).toEqual(['cis', 'asvs', 'gdpr']);
    for (const verdict of ['met', 'open', 'not-applicable', 'cannot-tell', 'by-hand'])
      expect(json.standards.reduce((sum, { counts }) => sum + (counts[verdict] as number), 0)).toBe(json.counts[verdict]);
    expect(json.points).toHaveLength(report.points.length);
    expect(json.points[0]).toEqual({
      id: 'cis-1.1.1',
      standard: 'cis',
      section: '1.1.1',
      title: expect.any(String),
      verdict: 'met',
      evidence: expect.any(String),
    });
  });
  it('is strict about what is open and what could not be told', () => {
    expect([isClosed(sampleCompliance()), isClosed(blindCompliance())]).toEqual([false, false]);
    const counts = { met: 3, open: 0, 'not-applicable': 1, 'cannot-tell': 0, 'by-hand': 2 };
    expect(isClosed({ ...sampleCompliance(), counts })).toBe(true);
    expect(countText(counts)).toBe('3 met, 2 by hand, 1 not applicable');
  });
  it('tells once what has one reason, and what is of one family', () => {
    const [group] = alike(blindCompliance().points, 'cannot-tell');
    expect(group?.ids.length).toBeGreaterThan(100);
    const { points } = sampleCompliance();
    const opened = points.map((point) => (/^cis-(1\.1\.[34]|5\.[59])$/.test(point.id) ? { ...point, verdict: 'open' as const } : point));
    expect(alike(opened, 'open').map(({ ids }) => ids)).toEqual([
      ['cis-1.1.3', 'cis-1.1.4'],
      ['cis-4.10'],
      ['cis-5.5'],
      ['cis-5.9'],
      ['cis-5.22'],
    ]);
  });
});

describe.each([
  ['of a stack', sampleCompliance()],
  ['of nothing', blindCompliance()],
])('the page %s', (_kind, report) => {
  const page = compliancePage(report);
  it('asks for nothing from anywhere', () => {
    expect(page).not.toMatch(/(src|href|action|poster|srcset)=|url\(|@import|<script|<link|<iframe|<object|javascript:/i);
  });
  it('escapes names, and has no value that is none', () => {
    expect(page).not.toContain(NASTY);
    expect(page.replaceAll(/<style>[\s\S]*<\/style>/g, '')).not.toMatch(/undefined|NaN|\[object/);
  });
  it('has every point', () => {
    for (const { section } of report.points) expect(page).toContain(`>${section}</td>`);
  });
});
