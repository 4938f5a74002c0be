/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { html } from '../../src/topology/draw/html.ts';
import { topology } from '../../src/topology/plan/topology.ts';
import { withAllTiers } from '../support/large-stack.ts';
import { runningContainer } from '../support/plan-facts.ts';
import { load, stackOf } from '../support/settings.ts';

let browser: Browser;
beforeAll(async () => {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});
afterAll(() => browser?.close());

const prod = stackOf(load({ flags: { profile: 'prod' }, file: 'external: { plex: { url: "http://192.168.1.20:32400" } }\n' }));
const states = [{}, { health: 'starting' as const }, { health: 'unhealthy' as const }, { state: 'exited' }];
const picture = (stack: typeof prod) =>
  topology(
    stack,
    { plex: { url: 'http://192.168.1.20:32400' } },
    {
      containers: stack.services.slice(1).map(({ name }, index) => runningContainer(name, undefined, states[index % states.length])),
      members: { 'postgres-1': { role: 'leader', ok: true, details: { timeline: 3, lag: '0 B' } } },
    },
  );
const pages = {
  dev: picture(stackOf(load({ flags: { profile: 'dev' } }))),
  prod: picture(prod),
  'all tiers': picture(withAllTiers(prod)),
};

/** Texts that leave their box, and those whose contrast with what they stand on is below 4.5 (WCAG 2.2, AA). */
function illegible(): string[] {
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? [])
      .map((part) => Number(part) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const rects = [...document.querySelectorAll('svg rect')];
  return [...document.querySelectorAll('svg text')].flatMap((text) => {
    const own = text.getBoundingClientRect();
    const below = rects.filter((rect) => {
      const box = rect.getBoundingClientRect();
      return getComputedStyle(rect).fill !== 'none' && box.left <= own.left + 1 && box.top <= own.top + 1 && box.bottom >= own.bottom - 1;
    });
    // The word on a way stands right behind its own ground.
    const ground = text.previousElementSibling?.matches('rect.pill') ? text.previousElementSibling : below.at(-1);
    const problems = ground && ground.getBoundingClientRect().right < own.right - 1 ? [`leaves its box: ${text.textContent}`] : [];
    const page = getComputedStyle(document.body).backgroundColor;
    const [a, b] = [getComputedStyle(text).fill, ground ? getComputedStyle(ground).fill : page].map(luminance).sort((x, y) => y - x) as [
      number,
      number,
    ];
    return (a + 0.05) / (b + 0.05) < 4.5 ? [...problems, `has too little contrast: ${text.textContent}`] : problems;
  });
}

describe.each(Object.entries(pages))('the page of %s', (_name, drawn) => {
  it.each(['light', 'dark'] as const)('is legible in %s', async (colorScheme) => {
    const page = await (await browser.newContext({ viewport: { width: 1500, height: 900 }, colorScheme })).newPage();
    await page.setContent(html(drawn, new Date(0)));
    expect(await page.evaluate(illegible)).toEqual([]);
    expect(await page.locator('svg [data-node]').count()).toBe(drawn.groups.flatMap(({ nodes }) => nodes).length);
    await page.close();
  });
  it('scrolls in its own frame on a telephone', async () => {
    const page = await (await browser.newContext({ viewport: { width: 390, height: 800 } })).newPage();
    await page.setContent(html(drawn, new Date(0)));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.close();
  });
});
