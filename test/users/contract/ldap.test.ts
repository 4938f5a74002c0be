import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/capability/check.ts';
import type { User } from '../../../src/users/plan/requests.ts';
import { docker } from '../../support/cli.ts';
import { type Directory, directory } from '../../support/sign-on/directory.ts';
import { PASSWORDS, type SignOnStack, signOnStack, tokenOf } from '../../support/sign-on/sign-on-stack.ts';
import { unusedTotp } from '../../support/sign-on/visitor.ts';
import { type JsonError, parsed, until } from '../../support/stack.ts';

let ldap: Directory;
let stack: SignOnStack;
beforeAll(async () => {
  ldap = await directory('so-ldap');
  stack = await signOnStack('so-ldap', {
    signOn: {
      graceMinutes: 1,
      ldap: {
        url: `ldaps://${ldap.address}:${ldap.ports.implicit}`,
        ...{ ca: ldap.ca, baseDn: 'dc=example,dc=org', bindDn: 'cn=reader,dc=example,dc=org', bindPassword: 'pa§§ of the reader' },
        groups: { 'media-ops': ['operator'], 'CN=family, DC=example,DC=org': ['member', 'family'] },
      },
    } as never,
  });
});
afterAll(async () => {
  await stack?.space.destroy();
  await ldap?.destroy();
});

const list = async () => parsed<{ users: User[] }>(await stack.space.run(['users', 'list', '--json'])).users;
const user = async (name: string) => (await list()).find(({ login }) => login === name);
const check = async () => parsed<HealthReport>(await stack.space.run(['health', '--json'])).checks.find(({ id }) => id === 'sign-on.ldap');
const logs = async () => {
  const { stdout, stderr } = await docker(['logs', stack.container]);
  return stdout + stderr;
};
/** What the front page says to who has just signed in. */
const signIn = async (name: string, password: string) => {
  const one = stack.visitor();
  const page = await one.signIn(name, password);
  return { one, page, status: (await one.ask('/')).status };
};

describe('a user of LDAP', () => {
  it('comes in with its name, address and groups, and the password stays there', async () => {
    const { one, status } = await signIn('otto', 'password of otto');
    expect(status).toBe(200);
    expect(await stack.told(one, '/')).toMatchObject({ 'remote-user': 'otto', 'remote-groups': 'family,member' });
    expect(await user('otto')).toMatchObject({ name: 'Otto (*)', groups: ['family', 'member'], source: 'ldap' });
    const { stdout } = await docker([
      'exec',
      `${stack.space.project}-postgres-1`,
      'psql',
      '-U',
      'postgres',
      '-d',
      'medianest',
      '-tAc',
      `SELECT password FROM sign_on.users WHERE login = 'otto'`,
    ]);
    expect(stdout.trim()).toBe('!ldap');
  });

  it('with a role that demands it needs a second factor, which is kept here', async () => {
    const first = await signIn('anna', 'password of anna');
    expect([first.status, first.page.headers.location]).toEqual([302, expect.stringContaining('2fregisters')]);
    const secret = await first.one.registerTotp(Date.now);
    const again = await signIn('anna', 'password of anna');
    expect(again.status).toBe(302);
    await again.one.enter(again.page, await unusedTotp(secret));
    expect(await stack.told(again.one, '/')).toMatchObject({
      'remote-groups': 'family,member,operator',
      'remote-email': 'anna@example.org',
    });
  });

  it.each([
    // Wrong passwords make an account wait: this one is used for nothing else.
    ['wanda', 'password of anna'],
    ['wanda', '!ldap'],
    ['wanda', '*'],
    ['nora', 'pässword of nora'],
    ['*', 'password of otto'],
    ['otto)(uid=*', 'password of otto'],
    ['Otto', 'password of otto'],
    ['otto ', 'password of otto'],
  ])('is not %j with the password %j', async (name, password) => {
    expect((await signIn(name, password)).status).toBe(302);
  });

  it('is changed there alone, and never stands for a local user', async () => {
    for (const args of [
      ['users', 'groups', 'otto', '--add', 'admin'],
      ['users', 'reset', 'otto'],
      ['users', 'set', 'otto', '--email', 'x@example.org'],
    ]) {
      const refused = await stack.space.run([...args, '--json']);
      expect([refused.status, parsed<JsonError>(refused).error]).toMatchObject([1, { message: expect.stringContaining('by LDAP') }]);
    }
    await stack.visitor().accept(tokenOf(stack.invitation.link), PASSWORDS.admin);
    await signIn('admin', 'password of another');
    expect(await user('admin')).toMatchObject({ groups: ['admin'], name: 'admin' });
    expect(await user('admin')).not.toHaveProperty('source');
  });

  it('loses a session with a group that was taken there, and has none when it is removed', async () => {
    const { one } = await signIn('otto', 'password of otto');
    await ldap.change('dn: cn=Family,dc=example,dc=org\nchangetype: modify\ndelete: member\nmember: uid=otto,ou=people,dc=example,dc=org');
    expect(await docker(['exec', stack.container, 'ldap-sync', 'once'])).toMatchObject({ status: 0 });
    await until('the session has ended', async () => (await one.ask('/')).status === 302, 10);
    expect((await signIn('otto', 'password of otto')).status).toBe(302);
    expect(await user('otto')).toMatchObject({ groups: [] });
    await ldap.change('dn: cn=Family,dc=example,dc=org\nchangetype: modify\nadd: member\nmember: uid=otto,ou=people,dc=example,dc=org');
    expect((await signIn('otto', 'password of otto')).status).toBe(200);
    // Another person by the same name is not let into what the first had.
    await ldap.change('dn: uid=otto,ou=people,dc=example,dc=org\nchangetype: delete');
    await ldap.change(
      'dn: uid=otto,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: otto\ncn: O\nsn: O\nuserPassword: password of otto',
    );
    await ldap
      .change('dn: cn=Family,dc=example,dc=org\nchangetype: modify\nadd: member\nmember: uid=otto,ou=people,dc=example,dc=org')
      .catch(() => {});
    expect((await signIn('otto', 'password of otto')).status).toBe(302);
  });
});

describe('while LDAP is away', () => {
  it('between the search and the password, no sign-in counts as a failed one', async () => {
    const zoe = 'dn: uid=zoe,ou=people,dc=example,dc=org\nchangetype:';
    const person = 'objectClass: inetOrgPerson\nuid: zoe\ncn: Zoe\nsn: Zoe\nuserPassword: password of zoe';
    await ldap.change(`${zoe} add\n${person}\nobjectClass: errAuxObject\nerrCode: 52\nerrOp: bind`);
    await ldap.change('dn: cn=Family,dc=example,dc=org\nchangetype: modify\nadd: member\nmember: uid=zoe,ou=people,dc=example,dc=org');
    // More than an account has before it waits.
    for (let attempt = 0; attempt < 5; attempt++) {
      expect((await signIn('zoe', 'password of zoe')).status).toBe(302);
      // LDAP is asked again at once.
      await docker(['exec', stack.container, 'touch', '-d', '1 minute ago', '/run/sign-on/ldap-away']);
    }
    await ldap.change(`${zoe} modify\ndelete: objectClass\nobjectClass: errAuxObject\n-\ndelete: errCode\n-\ndelete: errOp`);
    expect((await signIn('zoe', 'password of zoe')).status).toBe(200);
    const told = (await logs()).split('\n').filter((line) => line.includes('zoe') && /"code":"(?:SIGN_IN_REFUSED|LDAP_AWAY)"/.test(line));
    expect(told).toEqual(Array(5).fill(expect.stringContaining('LDAP cannot check a password (52)')));
  });

  it('its users are refused, and those signed in and local users are not', async () => {
    await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
    await ldap.change('dn: cn=Family,dc=example,dc=org\nchangetype: modify\nadd: member\nmember: uid=nora,ou=people,dc=example,dc=org');
    await until('health is fine', async () => (await check())?.status === 'ok', 40);
    const { one, status } = await signIn('nora', 'pässword of nora');
    expect(status).toBe(200);
    await docker(['pause', ldap.container]);
    // The edge waits 20 s for a page.
    const refused = await signIn('nora', 'pässword of nora');
    expect([refused.status, refused.page.status]).toEqual([302, 200]);
    expect((await (await stack.signedIn('bob')).ask('/')).status).toBe(200);
    expect((await one.ask('/')).status).toBe(200);
    expect(await logs()).toContain('"code":"LDAP_AWAY"');
    expect(await docker(['exec', stack.container, 'ldap-sync', 'once'])).toMatchObject({ status: 1 });
    expect(await user('nora')).toMatchObject({ groups: ['family', 'member'] });
    expect((await one.ask('/')).status).toBe(200);
    await docker(['unpause', ldap.container]);
    await until('it is back', async () => (await signIn('nora', 'pässword of nora')).status === 200, 40);
  }, 120_000);
});
