import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/capability/check.ts';
import { docker } from '../../support/cli.ts';
import { base64, PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import { parsed, until } from '../../support/stack.ts';

let stack: SignOnStack;
beforeAll(async () => {
  stack = await signOnStack('sign-on-faults');
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
});
afterAll(() => stack?.space.destroy());

describe('hostile visitors', () => {
  it('are not sent to another host after the sign-in', async () => {
    for (const url of ['https://evil.example/', 'https://localhost@evil.example/', '//evil.example/', 'javascript:alert(1)']) {
      const answer = await stack.visitor().signIn('bob', PASSWORDS.bob, base64(url));
      expect([url, String(answer.headers.location ?? '')]).toEqual([url, expect.not.stringContaining('evil')]);
      expect(answer.text).not.toMatch(/(?:href|action|content)="[^"]*(?:evil\.example|javascript:)/);
    }
  });

  it('wait longer after each wrong password of one account, and it is logged', async () => {
    await stack.invite('mallory', 'the right password');
    for (let attempt = 0; attempt < 4; attempt++) await stack.visitor().signIn('mallory', `guess ${attempt}`);
    const right = stack.visitor();
    await right.signIn('mallory', 'the right password');
    expect((await right.ask('/')).status).toBe(302);
    expect((await (await stack.signedIn('bob')).ask('/')).status).toBe(200);
    const { stdout, stderr } = await docker(['logs', stack.container]);
    expect(stdout + stderr).toContain('"code":"SIGN_IN_REFUSED"');
    expect(stdout + stderr).not.toContain('guess 1');
    expect((await stack.space.run(['users', 'remove', 'mallory'])).status).toBe(0);
  });

  it('have no use of a session after its end, on any device', async () => {
    const [here, there] = [await stack.signedIn('bob'), await stack.signedIn('bob')];
    expect([(await here.ask('/')).status, (await there.ask('/')).status]).toEqual([200, 200]);
    const stolen = new Map(here.cookies);
    await here.ask('/auth/?logout=1');
    await until('both have ended', async () => (await there.ask('/')).status === 302, 10);
    const thief = stack.visitor();
    for (const [name, value] of stolen) thief.cookies.set(name, value);
    expect((await thief.ask('/')).status).toBe(302);
  });

  it('have no session of before a change that came while they signed in', async () => {
    const sql = (text: string) =>
      docker(['exec', `${stack.space.project}-postgres-1`, 'psql', '-U', 'postgres', '-d', 'medianest', '-qc', text]);
    await sql(`CREATE FUNCTION sign_on.slowly() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.a_session ? '_whatToTrace' THEN PERFORM pg_sleep(3); END IF; RETURN new; END $$;
      CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON sign_on.sessions FOR EACH ROW EXECUTE FUNCTION sign_on.slowly()`);
    const bob = stack.visitor();
    const signing = bob.signIn('bob', PASSWORDS.bob);
    await sleep(1500);
    const change = async (ask: object) => (await docker(['exec', stack.container, 'users', 'groups', JSON.stringify(ask)])).stdout;
    const changed = await change({ login: 'bob', add: ['family'] });
    await signing;
    await sql('DROP FUNCTION sign_on.slowly() CASCADE');
    await change({ login: 'bob', remove: ['family'] });
    expect(JSON.parse(changed)).toMatchObject({ groups: ['family', 'member'], ended: 0 });
    const { stdout, stderr } = await docker(['logs', stack.container]);
    expect([(await bob.ask('/')).status, stdout + stderr]).toEqual([302, expect.stringContaining('bob was changed during the sign-in')]);
  });
});

describe('while the identity provider is away', () => {
  it('those who are signed in go on for a while, nobody else gets in, and it comes back by itself', async () => {
    const left = await stack.signedIn('bob');
    expect((await left.ask('/')).status).toBe(200);
    const ended = stack.visitor();
    for (const [name, value] of left.cookies) ended.cookies.set(name, value);
    await left.ask('/auth/?logout=1');
    await until('the session has ended', async () => (await ended.ask('/')).status === 302, 10);
    const bob = await stack.signedIn('bob');
    expect((await bob.ask('/')).status).toBe(200);
    const guess = stack.visitor();
    guess.cookies.set('__Host-medianest', 'a'.repeat(64));
    await docker(['pause', stack.container]);
    await sleep(6000);
    expect((await bob.ask('/')).status).toBe(200);
    expect([(await guess.ask('/')).status, (await ended.ask('/')).status, (await stack.visitor().ask('/')).status]).toEqual([
      503, 503, 302,
    ]);
    expect((await guess.ask('/')).text).toContain('Sign-in does not work just now');
    await docker(['unpause', stack.container]);
    await docker(['stop', `${stack.space.project}-postgres-1`]);
    await sleep(6000);
    expect([(await bob.ask('/')).status, (await guess.ask('/')).status]).toEqual([200, 503]);
    await docker(['start', `${stack.space.project}-postgres-1`]);
    await docker(['exec', stack.container, 'bash', '-c', 'kill -9 -1']);
    await until('it is back', async () => (await stack.signedIn('bob')).cookies.has('__Host-medianest'), 40);
    expect((await bob.ask('/')).status).toBe(200);
  });

  it('health tells whether an admin gets in, and who has lost a factor does so again by the host alone', async () => {
    const check = async () => parsed<HealthReport>(await stack.space.run(['health', '--json'])).checks.find(({ id }) => id === 'sign-on');
    expect(await check()).toMatchObject({ status: 'warn', message: expect.stringContaining('no admin has signed in yet') });
    expect((await (await stack.firstAdmin()).ask('/admin')).status).toBe(200);
    expect(await check()).toMatchObject({ status: 'ok' });
    const reset = await stack.space.run(['users', 'reset', 'admin', '--factors-only', '--json']);
    expect([reset.status, parsed<object>(reset)]).toEqual([0, { login: 'admin', ended: expect.any(Number) }]);
    delete stack.secrets.admin;
    expect((await stack.visitor().signIn('admin', PASSWORDS.admin)).headers.location).toContain('2fregisters');
    expect(await check()).toMatchObject({ status: 'warn' });
  });
});
