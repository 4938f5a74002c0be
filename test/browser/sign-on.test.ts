import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { User } from '../../src/users/plan/requests.ts';
import { isDropped, undisturbed } from '../support/browser.ts';
import { type SignOnStack, signOnStack } from '../support/sign-on/sign-on-stack.ts';
import { parsed, until } from '../support/stack.ts';

const PASSWORD = 'a password of an operator';

let stack: SignOnStack;
let browser: Browser;
let page: Page;
let dropped = 0;
beforeAll(async () => {
  stack = await signOnStack('sign-on-browser');
  const { publicKey } = new X509Certificate(readFileSync(path.join(stack.space.state, 'certs/edge/current/fullchain.pem')));
  const pin = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', `--ignore-certificate-errors-spki-list=${pin}`],
  });
  page = await (await browser.newContext()).newPage();
  page.on('requestfailed', (request) => {
    if (isDropped(request.failure()?.errorText ?? '')) dropped++;
  });
  // A security key that confirms by itself (Chrome DevTools Protocol, WebAuthn).
  const protocol = await page.context().newCDPSession(page);
  await protocol.send('WebAuthn.enable');
  await protocol.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'usb', hasResidentKey: false },
      ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    },
  });
});
afterAll(async () => {
  await browser?.close();
  await stack?.space.destroy();
});

const factors = async () =>
  parsed<{ users: User[] }>(await stack.space.run(['users', 'list', '--json'])).users.find(({ login }) => login === 'carol')?.factors;

async function signIn(): Promise<void> {
  await page.context().clearCookies();
  await undisturbed(() => page.goto(`${stack.url}/auth/`));
  await page.fill('input[name=user]', 'carol');
  await page.fill('input[name=password]', PASSWORD);
  await page.click('button[type=submit]');
}

/** Goes there, and once more where nothing came of it because Chromium dropped a request: a form, or a script of the page. */
async function reaches(go: () => Promise<unknown>, what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = dropped;
    await go();
    try {
      return await until(what, holds, 20);
    } catch (error) {
      if (dropped === before || attempt === 5) throw error;
    }
  }
}

/** A page that only a sign-in with a second factor opens. */
const strict = async () => (await undisturbed(() => page.goto(`${stack.url}/strict`)))?.status();

it('an operator registers a security key in a browser, and signs in with it', async () => {
  await stack.invite('carol', PASSWORD, '--groups', 'operator');
  await signIn();
  await page.waitForURL(/2fregisters/);
  const register = () => undisturbed(() => page.goto(`${stack.url}/auth/2fregisters/webauthn`));
  await reaches(register, 'the key is registered', async () => (await factors())?.includes('webauthn') === true);
  await reaches(signIn, 'it is in', async () => (await page.context().cookies()).some(({ name }) => name === '__Host-medianest'));
  await until('the page opens', async () => (await strict()) === 200, 20);
});

it('without the key, a recovery code opens the same page once', async () => {
  await undisturbed(() => page.goto(`${stack.url}/auth/recovery`));
  await page.click('button:has-text("Make new codes")');
  const code = ((await page.locator('code').first().textContent()) ?? '').trim();
  const other = stack.visitor();
  const enter = async () => {
    const asked = await other.signIn('carol', PASSWORD);
    await other.enter(asked, code);
    return (await other.ask('/strict')).status;
  };
  expect(await enter()).toBe(200);
  other.cookies.clear();
  expect(await enter()).toBe(302);
});
