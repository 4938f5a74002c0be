/// <reference lib="dom" />
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { becomes, start, tidy } from '../../support/portal-process.ts';
import { API_KEY, type Overseerr, startOverseerr } from './overseerr.ts';
import { assertion, behindSignOn } from './sign-on.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A picture of one point. */
const POSTER = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 900 };
const LOOKS = [
  ['a phone', PHONE, 'light'],
  ['a phone', PHONE, 'dark'],
  ['a desk', DESK, 'light'],
  ['a desk', DESK, 'dark'],
] as const;
const by = (name: string) => `[data-test="${name}"]`;

let overseerr: Overseerr;
let behind: Awaited<ReturnType<typeof behindSignOn>>;
let browser: Browser;

beforeAll(async () => {
  overseerr = await startOverseerr([
    { id: 841, mediaType: 'movie', title: 'Dune', date: '1984-12-14', posterPath: '/dune.png' },
    { id: 90228, mediaType: 'tv', title: 'Dune: Prophecy', date: '2024-11-17', posterPath: '/prophecy.png' },
    { id: 11, mediaType: 'movie', title: 'Dune World', date: '2021-05-25', status: 5, posterPath: '/world.png' },
  ]);
  overseerr.image = { type: 'image/png', bytes: POSTER };
  const env = {
    OVERSEERR_URL: overseerr.url,
    OVERSEERR_API_KEY: API_KEY,
    SIGN_OUT_URL: '/sign-out',
    NOTIFY_WEBHOOK_URL: 'http://127.0.0.1:9/',
  };
  behind = await behindSignOn(env);
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});
afterAll(async () => {
  await browser?.close();
  await tidy();
  overseerr?.close();
});

type Watched = Page & { problems: string[] };

/** A page as a person sees it: sign-on in front says who they are with each request. Whatever else it asks for is a problem. */
async function open(role: string | undefined, path = '/', url = behind.portal.url): Promise<Watched> {
  // Colours that are changing have no contrast to judge.
  const page = await (await browser.newContext({ viewport: DESK, reducedMotion: 'reduce' })).newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.route('**/*', (route) => {
    const request = route.request();
    if (!request.url().startsWith(url)) {
      problems.push(`asks for ${request.url()}`);
      return route.abort();
    }
    const claims = { sub: `${role}-of-the-page`, name: 'Ana María', email: 'ana@example.org', groups: [role], aud: behind.aud };
    return route.continue({ headers: { ...request.headers(), ...(role && { 'x-medianest-assertion': assertion(claims) }) } });
  });
  await page.goto(url + path);
  return Object.assign(page, { problems });
}

/** What axe finds, by every rule of WCAG 2.2 A and AA and of good practice. */
async function faults(page: Page): Promise<string[]> {
  // By DevTools, and not by a script of the page: its policy forbids those.
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
  expect(passes.length).toBeGreaterThan(15);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`));
}

const widerThanItsPage = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe('a member', () => {
  it('finds a film, asks for it, and sees their request and what is left of their quota', async () => {
    const page = await open('member');
    await page.waitForSelector(`${by('me')}:has-text("Ana María")`);
    expect(await page.textContent(by('quota'))).toBe('10 of 10 requests left in 7 days.');
    await page.fill(by('search-words'), 'dune');
    await page.click(by('search-submit'));
    await page.waitForSelector(`${by('title')}[data-tmdb="841"] img`);
    expect(await page.locator(by('title')).count()).toBe(3);
    expect(await page.getAttribute(`${by('title')}[data-tmdb="11"] ${by('watch')}`, 'href')).toContain('https://app.plex.tv/');
    await page.click(`${by('title')}[data-tmdb="841"] ${by('title-request')}`);
    await page.waitForSelector(`${by('request-item')}:has-text("Dune (1984)")`);
    expect(await page.textContent(by('quota'))).toBe('9 of 10 requests left in 7 days.');
    for (const hidden of ['queue', 'admin-link', 'session-name', 'sign-on-off', 'request-approved'])
      expect(await page.isVisible(by(hidden))).toBe(false);
    expect(await page.evaluate(() => [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length)).toBe(0);
    expect(page.problems).toEqual([]);
    await page.context().close();
  });
});

describe('an operator', () => {
  it('approves what waits in the queue', async () => {
    const page = await open('operator');
    await page.waitForSelector(`${by('queue')} ${by('request-item')}:has-text("Dune (1984)")`);
    await page.click(`${by('queue')} ${by('request-approved')}`);
    await page.waitForSelector(`${by('queue')} >> text=Nothing waits.`);
    await page.waitForSelector(`#requests ${by('request-item')}[data-status="approved"]`);
    expect(page.problems).toEqual([]);
    await page.context().close();
  });
});

describe('a guest', () => {
  it('looks only', async () => {
    const page = await open('guest');
    await page.waitForSelector(by('me'));
    for (const hidden of ['request-submit', 'upload-input', 'queue', 'quota', 'delete'])
      expect([hidden, await page.isVisible(by(hidden))]).toEqual([hidden, false]);
    await page.context().close();
  });
});

describe('an administrator', () => {
  it('sees people, gives one another quota, and what could not be delivered', async () => {
    const page = await open('admin', '/admin');
    const person = `${by('person')}:has-text("member")`;
    await page.waitForSelector(`${person}:has-text("1 request, 1 in the last 7 days")`);
    await page.fill(`${person} ${by('quota-input')}`, '2');
    await page.click(`${person} ${by('quota-save')}`);
    await page.waitForSelector(`${by('message')}:has-text("may make 2 requests")`);
    await page.waitForSelector(`${by('delivery')}[data-lane="webhook"]:has-text("Webhook")`);
    expect(page.problems).toEqual([]);
    await page.context().close();
    const again = await open('member');
    await again.waitForSelector(`${by('quota')}:has-text("1 of 2 requests left")`);
    await again.context().close();
  });
});

describe('axe finds nothing, on a phone and a desk, in light and dark', () => {
  it.each([
    ['operator', '/', by('request-item')],
    ['member', '/', by('title')],
    ['admin', '/admin', by('person')],
    ['member', '/nothing-here', 'h1'],
  ])('on the page of the %s at %s', async (role, path, shown) => {
    const asked = { note: 'Please, and with its subtitles' };
    await behind.visitor('asker', 'member').ask(`A title that is longer than a phone is wide: ${role} at ${path}`, asked);
    const page = await open(role, path);
    if (shown === by('title')) {
      await page.waitForSelector(by('quota'));
      await page.fill(by('search-words'), 'dune');
      await page.click(by('search-submit'));
    }
    await page.waitForSelector(shown);
    for (const [where, size, colorScheme] of LOOKS) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      expect([where, colorScheme, await faults(page)]).toEqual([where, colorScheme, []]);
      expect([where, await widerThanItsPage(page)]).toEqual([where, 0]);
    }
    await page.context().close();
  });
});

describe('without sign-on', () => {
  it('the page says so, has its form for a name, and axe finds nothing', async () => {
    const portal = await start();
    await becomes(portal, '/api/health/ready', 200);
    const page = await open(undefined, '/', portal.url);
    await page.waitForSelector(by('sign-on-off'));
    expect([await page.isVisible(by('session-name')), await page.isVisible(by('search-words')), await page.isVisible(by('queue'))]).toEqual(
      [true, false, false],
    );
    expect(await faults(page)).toEqual([]);
    expect(page.problems).toEqual([]);
    await page.context().close();
  });
});
