import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/capability/check.ts';
import type { User } from '../../../src/users/plan/requests.ts';
import { docker } from '../../support/cli.ts';
import { MAIL_LOGIN, type Mailbox, mailbox, tokenIn } from '../../support/sign-on/mailbox.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import { unusedTotp } from '../../support/sign-on/visitor.ts';
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';

let post: Mailbox;
let stack: SignOnStack;
beforeAll(async () => {
  post = await mailbox();
  stack = await signOnStack('so-mail', {
    signOn: {
      graceMinutes: 1,
      title: 'Unser Kino',
      mail: { host: post.address, port: post.port, from: 'Kino für alle <kino@example.org>', ca: post.ca, ...MAIL_LOGIN },
    } as never,
  });
});
afterAll(async () => {
  await stack?.space.destroy();
  await post?.stop();
});

const BOB = 'bob@example.org';
const CAROL = 'carol@example.org';
const NEW = 'quite a new password';

const forgot = (user: string) => stack.visitor().ask('/auth/forgot', { form: { user } });
const query = async (sql: string) =>
  (await docker(['exec', `${stack.space.project}-postgres-1`, 'psql', '-U', 'postgres', '-d', 'medianest', '-tAc', sql])).stdout.trim();
const logs = async () => {
  const { stdout, stderr } = await docker(['logs', stack.container]);
  return stdout + stderr;
};
const mailCheck = async () =>
  parsed<HealthReport>(await stack.space.run(['health', '--json'])).checks.find(({ id }) => id === 'sign-on.mail');

describe('an invitation by mail', () => {
  it('is in the mail alone, and sets the password', async () => {
    const invited = await stack.space.run(['users', 'invite', 'bob', '--email', BOB, '--mail', '--json']);
    expect([invited.status, parsed<object>(invited)]).toEqual([0, { login: 'bob', added: true, expires: expect.any(String), mailed: BOB }]);
    const mail = await post.next(BOB, 'your invitation');
    expect(mail).toContain(`${stack.url}/auth/invitation?token=`);
    expect(mail).toMatch(/^From: =\?utf-8\?B\?.* <kino@example\.org>$/m);
    expect((await stack.visitor().accept(tokenIn(mail), PASSWORDS.bob)).text).toContain('Your password is set');
    expect(JSON.stringify(audit(stack.space))).not.toContain(tokenIn(mail));
    await stack.invite('carol', PASSWORDS.carol, '--groups', 'operator');
    const without = await stack.space.run(['users', 'reset', 'carol', '--mail', '--json']);
    expect([without.status, parsed<JsonError>(without).error.message]).toEqual([1, expect.stringContaining('users set carol --email')]);
    expect((await stack.space.run(['users', 'set', 'carol', '--email', CAROL])).status).toBe(0);
  });
});

describe('a forgotten password', () => {
  it('is asked for on the page of the sign-in, and who asks hears the same for every account', async () => {
    expect((await stack.visitor().ask('/auth/')).text).toContain('href="/auth/forgot"');
    expect((await stack.visitor().ask('/auth/forgot')).text).toContain('User name or e-mail address');
    const [known, unknown] = [await forgot('bob'), await forgot('mallory@example.org')];
    expect(known.text).toContain('If there is such an account');
    expect([unknown.status, unknown.text]).toEqual([known.status, known.text]);
    const token = tokenIn(await post.next(BOB, 'a new password'));
    expect(
      await query(`SELECT count(*) FROM sign_on.invitations WHERE token_hash = '${createHash('sha256').update(token).digest('hex')}'`),
    ).toBe('1');
    expect(await query(`SELECT count(*) FROM sign_on.invitations WHERE token_hash LIKE '%${token}%'`)).toBe('0');
    expect(await logs()).toContain('"code":"PASSWORD_RESET_UNKNOWN"');
    const { users } = parsed<{ users: User[] }>(await stack.space.run(['users', 'list', '--json']));
    expect(users.find(({ login }) => login === 'bob')).not.toHaveProperty('invitedUntil');
    // By the address that there was before.
    expect((await stack.space.run(['users', 'set', 'bob', '--email', 'bobby@example.org'])).status).toBe(0);
    expect((await stack.visitor().accept(token, NEW)).text).toContain('no longer valid');
    expect((await stack.space.run(['users', 'set', 'bob', '--email', BOB])).status).toBe(0);
  });

  it('ends all sessions and keeps the second factor; a link is good once, and ends the others', async () => {
    const carol = stack.visitor();
    await carol.signIn('carol', PASSWORDS.carol);
    const secret = await carol.registerTotp(Date.now);
    await carol.enter(await carol.signIn('carol', PASSWORDS.carol), await unusedTotp(secret));
    expect((await carol.ask('/')).status).toBe(200);

    await forgot(' Carol@Example.org ');
    await forgot('carol');
    const [first, second] = [await post.next(CAROL, 'a new password'), await post.next(CAROL, 'a new password')].map(tokenIn);
    expect((await stack.visitor().accept(first as string, NEW)).text).toContain('Your password is set');
    for (const token of [first, second])
      expect((await stack.visitor().accept(token as string, 'a thief has it')).text).toContain('no longer valid');
    await until('the session has ended', async () => (await carol.ask('/')).status === 302, 10);
    const told = await post.next(CAROL, 'your password was changed');
    expect([told, told]).toEqual([expect.not.stringContaining('token='), expect.not.stringContaining('linked')]);
    await query(`INSERT INTO sign_on.mails (kind, asked, client) VALUES ('changed', 'carol Kino & Co, Plex', '192.0.2.1')`);
    expect(await post.next(CAROL, 'your password was changed')).toContain('no longer linked with it: Kino & Co, Plex.');

    const old = stack.visitor();
    await old.signIn('carol', PASSWORDS.carol);
    expect((await old.ask('/')).status).toBe(302);
    const again = stack.visitor();
    const page = await again.signIn('carol', NEW);
    expect((await again.ask('/')).status).toBe(302);
    await again.enter(page, await unusedTotp(secret));
    expect((await again.ask('/')).status).toBe(200);
    expect(await logs()).toContain('"code":"PASSWORD_RESET"');
  });

  it('of an account that the host has reset stays with the host', async () => {
    expect((await stack.space.run(['users', 'reset', 'carol', '--json'])).status).toBe(0);
    await forgot('carol');
    await until('it was looked at', async () => (await query('SELECT count(*) FROM sign_on.mails WHERE NOT done')) === '0', 10);
    expect(post.rest().filter((mail) => mail.includes(CAROL))).toEqual([]);
  });

  it('sends an account three links in an hour, and takes ten requests of one address', async () => {
    for (let ask = 0; ask < 4; ask++) await forgot('bob');
    for (let mail = 0; mail < 3; mail++) await post.next(BOB, 'a new password');
    await until('the next is refused', async () => (await logs()).includes('bob was sent its share of links'), 10);
    expect((await forgot('bob')).text).toContain('If there is such an account');
    expect((await forgot('nobody')).text).toContain('If there is such an account');
    expect((await logs()).split('"code":"PASSWORD_RESET_LIMITED"').length).toBeGreaterThan(2);
    expect(Number(await query(`SELECT count(*) FROM sign_on.mails WHERE kind = 'reset'`))).toBe(10);
  });
});

describe('a mail server that is away', () => {
  it('is told by health, hinders no sign-in, and gets what waits when it is back', async () => {
    expect(await mailCheck()).toMatchObject({ status: 'ok' });
    await query('DELETE FROM sign_on.mails; DELETE FROM sign_on.invitations');
    await post.stop();
    expect((await forgot('bob')).text).toContain('If there is such an account');
    await until('the attempt failed', async () => (await query('SELECT max(attempts) FROM sign_on.mails')) === '1', 10);
    await until('health tells', async () => (await mailCheck())?.status === 'warn', 20);
    expect(await mailCheck()).toMatchObject({ message: expect.stringContaining('1 mail waits') });
    expect((await (await stack.signedIn('bob')).ask('/')).status).toBe(200);
    await query('UPDATE sign_on.mails SET next = now()');
    await post.start();
    await query('UPDATE sign_on.mails SET next = now()');
    expect(tokenIn(await post.next(BOB, 'a new password', 40))).not.toBe('');
    expect(await mailCheck()).toMatchObject({ status: 'ok' });
  });

  it.each([
    ['stranger', 'is not trusted'],
    ['plain', 'does not speak TLS as asked'],
  ] as const)('or is another one (%s) is sent nothing', async (as, why) => {
    await post.stop();
    await post.start(as);
    const tried = await stack.space.run(['users', 'mail-test', 'a@example.org', '--json']);
    expect([tried.status, parsed<JsonError>(tried).error]).toMatchObject([
      1,
      { code: 'MAIL_REFUSED', message: expect.stringContaining(why) },
    ]);
    const link = await stack.space.run(['users', 'reset', 'bob', '--mail', '--json']);
    expect([link.status, parsed<object>(link)]).toMatchObject([0, { mailProblem: expect.stringContaining(why), link: expect.any(String) }]);
    expect(post.rest()).toEqual([]);
  });
});
