/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compliancePage } from '../../src/compliance/draw/compliance-page.ts';
import { dashboardPage, dashboardPart, dashboardPolicy } from '../../src/report/draw/dashboard-page.ts';
import { reportPage } from '../../src/report/draw/report-page.ts';
import { blindCompliance, sampleCompliance } from '../support/compliance-sample.ts';
import { blankReport, sampleReport } from '../support/report-sample.ts';

const PHONE = { width: 360, height: 780 };
const DESK = { width: 1280, height: 900 };

let browser: Browser;
beforeAll(async () => {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});
afterAll(() => browser?.close());

const part = (project: string) => dashboardPart({ ...sampleReport(), project, range: '6h', checkedAt: sampleReport().at });
const pages = {
  report: reportPage(sampleReport()),
  'report of nothing': reportPage(blankReport()),
  compliance: compliancePage(sampleCompliance()),
  'compliance of nothing': compliancePage(blindCompliance()),
  dashboard: dashboardPage({ project: 'medianest', profile: 'prod', part: part('medianest'), nonce: 'abc' }),
};

async function open(viewport: { width: number; height: number }, colorScheme: 'light' | 'dark'): Promise<Page & { problems: string[] }> {
  const page = await (await browser.newContext({ viewport, colorScheme, offline: true })).newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('request', (request) => problems.push(`asks for ${request.url()}`));
  return Object.assign(page, { problems });
}

/** Texts whose contrast with what they stand on is below 4.5 (WCAG 2.2, AA), and what is wider than its place. */
function illegible(): string[] {
  const parts = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = parts(colour).map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element: Element): string => {
    for (let at: Element | null = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (parts(colour)[3] !== 0 && colour !== 'transparent') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  // The picture of the stack has a test of its own.
  const texts = [...document.querySelectorAll('body *:not(script):not(style)')].filter(
    (element) =>
      !element.closest('svg.medianest') && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()),
  );
  return texts.flatMap((element) => {
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    const [a = 0, b = 0] = [luminance(ink), luminance(groundOf(element))].sort((x, y) => y - x);
    const box = element.getBoundingClientRect();
    const words = element.textContent?.trim().slice(0, 60);
    return [
      ...((a + 0.05) / (b + 0.05) < 4.5 ? [`too little contrast: ${words}`] : []),
      ...(box.width > 0 && box.right > document.documentElement.clientWidth + 1 ? [`leaves the page: ${words}`] : []),
      ...(Number.parseFloat(style.fontSize) < 11 ? [`too small: ${words}`] : []),
    ];
  });
}

describe.each(Object.entries(pages))('the page: %s', (_name, html) => {
  it.each([
    ['a phone', 'light', PHONE],
    ['a phone', 'dark', PHONE],
    ['a desk', 'light', DESK],
    ['a desk', 'dark', DESK],
  ] as const)('is legible on %s in %s, and asks for nothing', async (_where, scheme, size) => {
    const page = await open(size, scheme);
    await page.setContent(html);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(size.width);
    expect(await page.evaluate(illegible)).toEqual([]);
    expect(page.problems).toEqual([]);
    await page.close();
  });
  it('has one heading at the top, named regions, and no id twice', async () => {
    const page = await open(DESK, 'light');
    await page.setContent(html);
    const seen = await page.evaluate(() => ({
      h1: document.querySelectorAll('h1').length,
      unnamed: [...document.querySelectorAll('[role=region],[role=img],nav,table')].filter((element) => !element.getAttribute('aria-label'))
        .length,
      ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
    }));
    expect([seen.h1, seen.unnamed]).toEqual([1, 0]);
    expect(new Set(seen.ids).size).toBe(seen.ids.length);
    await page.close();
  });
});

describe('the dashboard', () => {
  it('is live, keeps its place, and says when it is not live any more', async () => {
    const context = await browser.newContext({ viewport: PHONE });
    const page = await context.newPage();
    const refused: string[] = [];
    page.on('console', (message) => message.text().includes('Content Security Policy') && refused.push(message.text()));
    await page.clock.install();
    let answer: 'first' | 'second' | 'none' = 'first';
    const headers = { 'content-security-policy': dashboardPolicy('abc') };
    await page.route('**/*', (route) => {
      if (!route.request().url().includes('/part')) return route.fulfill({ contentType: 'text/html', headers, body: pages.dashboard });
      if (answer === 'none') return route.abort();
      return route.fulfill({
        contentType: 'text/html',
        body: `<h2 id="told">${answer} ${new URL(route.request().url()).search}</h2>${part('x')}`,
      });
    });
    await page.goto('http://127.0.0.1:8600/token/?for=7d');
    for (answer of ['first', 'second'] as const) {
      await page.evaluate(() => window.scrollTo(0, 900));
      await page.clock.fastForward(10_500);
      await page.waitForSelector(`#told:has-text("${answer} ?for=7d")`);
      expect(await page.evaluate(() => window.scrollY)).toBeGreaterThan(850);
    }
    answer = 'none';
    await page.clock.fastForward(10_500);
    await page.waitForSelector('#stale:not([hidden])');
    expect(await page.textContent('#stale')).toContain('does not answer');
    expect(await page.textContent('#told')).toContain('second');
    answer = 'second';
    await page.clock.fastForward(10_500);
    await page.waitForSelector('#stale[hidden]', { state: 'attached' });
    expect(refused).toEqual([]);
    await context.close();
  });
});
