import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDropped, undisturbed } from '../support/browser.ts';
import { type Workspace, workspace } from '../support/workspace.ts';

let space: Workspace;
let browser: Browser;
let page: Page;
let plex: http.Server;
const problems: string[] = [];

/** Chromium accepts no certificate but the one that the edge has: the hash of its public key (RFC 7469). */
function pinnedKey(): string {
  const { publicKey } = new X509Certificate(readFileSync(path.join(space.state, 'certs/edge/current/fullchain.pem')));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

const open = async (size: { width: number; height: number }, colorScheme: 'light' | 'dark' = 'light') => {
  const opened = await (await browser.newContext({ viewport: size, colorScheme })).newPage();
  opened.on('pageerror', (error) => problems.push(error.message));
  opened.on('console', (message) => message.type() === 'error' && !isDropped(message.text()) && problems.push(message.text()));
  await undisturbed(() => opened.goto(`https://localhost:${space.httpsPort}/`));
  // Its script may have been dropped too: only that fills in how a service is.
  for (let attempt = 1; attempt < 5; attempt++) {
    const alive = await opened.waitForSelector(`${by('status-plex')}[data-status]`, { timeout: 6000 }).catch(() => undefined);
    if (alive) break;
    await undisturbed(() => opened.reload());
  }
  return opened;
};

const by = (name: string) => `[data-test="${name}"]`;

/** As a person does who meets a dropped request. */
async function reloadUntil(page: Page, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await undisturbed(() => page.reload());
    const shown = await page.waitForSelector(by(name), { timeout: 6000 }).catch(() => undefined);
    if (shown || attempt === 5) return;
  }
}

beforeAll(async () => {
  // A Plex that answers as the real one does; what leads there reaches it through the address of its own network's gateway.
  plex = http.createServer((request, response) => {
    const known = request.url === '/identity';
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
    response.end(known ? JSON.stringify({ MediaContainer: { version: '1.41.0' } }) : '{}');
  });
  await new Promise<void>((resolve) => plex.listen(0, '0.0.0.0', resolve));
  const { port } = plex.address() as { port: number };
  space = await workspace('browser', 'profile: dev-compose\n');
  const first = await space.run(['render']);
  if (first.status !== 0) throw new Error(first.stderr);
  const subnet = (JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as { out: string }).out;
  const gateway = subnet.replace(/\d+\/\d+$/, '1');
  const up = await space.run([
    'up',
    '--set',
    `external.plex.url=http://${gateway}:${port}`,
    '--set',
    'external.overseerr.url=http://127.0.0.1:9',
  ]);
  if (up.status !== 0) throw new Error(up.stderr);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-background-networking',
      '--no-first-run',
      `--ignore-certificate-errors-spki-list=${pinnedKey()}`,
    ],
  });
  page = await open({ width: 1280, height: 800 });
});

afterAll(async () => {
  await browser?.close();
  plex?.close();
  await space?.destroy();
});

describe('the portal in Chromium, over HTTPS', () => {
  it('opens, with a title and no error', async () => {
    expect(await page.title()).toContain('MediaNest');
    await page.waitForSelector(by('request-submit'));
  });

  it('shows what runs, what does not, and what is not configured', async () => {
    await page.waitForSelector(`${by('status-plex')}[data-status="up"]`);
    expect(await page.textContent(by('status-plex'))).toContain('1.41.0');
    await page.waitForSelector(`${by('status-overseerr')}[data-status="down"]`);
    await page.waitForSelector(`${by('status-uptime-kuma')}[data-status="not-configured"]`);
  });

  it('takes a request, with any characters in its title', async () => {
    await page.fill(by('request-title'), `"><script>alert(1)</script> O'Brien & Söhne 🎬`);
    await page.selectOption(by('request-kind'), 'series');
    await page.click(by('request-submit'));
    await page.waitForSelector(by('request-item'));
    expect(await page.textContent(by('request-item'))).toContain(`"><script>alert(1)</script> O'Brien & Söhne 🎬`);
  });

  it('takes a file', async () => {
    await page.setInputFiles(by('upload-input'), { name: 'poster é.txt', mimeType: 'text/plain', buffer: Buffer.alloc(300_000, 'x') });
    await page.waitForSelector(by('upload-item'));
    expect(await page.textContent(by('upload-item'))).toContain('poster é.txt');
  });

  it('still has both after everything was restarted', async () => {
    const restarted = await space.run(['restart']);
    expect(restarted.status, restarted.stderr).toBe(0);
    await reloadUntil(page, 'request-item');
    expect(await page.textContent(by('request-item'))).toContain("O'Brien & Söhne");
    await page.waitForSelector(by('upload-item'));
    expect(await page.textContent(by('upload-item'))).toContain('poster é.txt');
  });

  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'dark'],
  ] as const)('fits a window of %i px in the %s colours', async (width, colors) => {
    const other = await open({ width, height: 740 }, colors);
    await reloadUntil(other, 'request-item');
    await other.waitForSelector(by('request-item'), { timeout: 1000 });
    // A text, so that it runs in the page.
    expect(await other.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBeLessThanOrEqual(0);
    await other.close();
  });

  it('had no error in its console, and loaded nothing from elsewhere', () => {
    expect(problems).toEqual([]);
  });
});
