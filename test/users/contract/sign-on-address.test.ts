import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/users/plan/sessions.ts';
import { docker } from '../../support/cli.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import { type Answer, Visitor } from '../../support/sign-on/visitor.ts';
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';

// The engine's own networks stand in for a proxy in front, which says where a visitor is.
const edge = {
  login: { perMinute: 5000, burst: 1000 },
  access: [{ paths: ['/admin'], roles: ['admin'] }],
  trustedProxies: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
};
const [HOME, CAFE, SHOP, TRAIN] = ['203.0.113.5', '198.51.100.7', '198.51.100.8', '198.51.100.9'];
const [HOME6, HOME6_LATER, CAFE6] = ['2001:db8:1:2::5', '2001:db8:1:2:3::6', '2001:db8:9:9::1'];

let stack: SignOnStack;
/** The cookie of bob's first session. */
let first: string;
beforeAll(async () => {
  stack = await signOnStack('so-address', { edge, signOn: { graceMinutes: 1 } });
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
});
afterAll(() => stack?.space.destroy());

class At extends Visitor {
  from = HOME as string;
  override ask(path: string, asked: Parameters<Visitor['ask']>[1] = {}): Promise<Answer> {
    return super.ask(path, { ...asked, headers: { ...asked.headers, 'x-forwarded-for': this.from } });
  }
  async status(from: string, path = '/'): Promise<number> {
    this.from = from;
    return (await this.ask(path)).status;
  }
}
async function signedIn(from: string): Promise<At> {
  const one = new At({ address: '127.0.0.1', port: stack.space.httpsPort }, 'localhost');
  one.from = from;
  await one.signIn('bob', PASSWORDS.bob);
  return one;
}
const sessions = async () => parsed<{ sessions: Session[] }>(await stack.space.run(['users', 'sessions', 'bob', '--json'])).sessions;
const events = async () => {
  const { stdout, stderr } = await docker(['logs', stack.container]);
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('{') && line.includes('"code":"SESSION_'));
  return lines.map((line) => JSON.parse(line) as Record<'code' | 'user' | 'began' | 'remote_addr', string>);
};

describe('a session that is used from another network', () => {
  it('is told once for each, goes on, and users sessions shows them', async () => {
    const bob = await signedIn(HOME as string);
    first = bob.cookies.get('__Host-medianest') as string;
    for (const from of [HOME, CAFE, CAFE, HOME6, HOME6_LATER, HOME]) expect([from, await bob.status(from as string)]).toEqual([from, 200]);
    // Pages of the provider, which are open to all, and where a thief could set up a factor.
    expect(await bob.status(CAFE6 as string, '/auth/2fregisters')).toBe(200);
    // A thief who meets refusals alone.
    expect(await bob.status(SHOP as string, '/admin')).toBe(403);
    expect(await events()).toMatchObject(
      [CAFE, HOME6, CAFE6, SHOP].map((remote_addr) => ({ code: 'SESSION_ELSEWHERE', user: 'bob', began: HOME, remote_addr })),
    );
    const [session, ...others] = await sessions();
    expect(others).toEqual([]);
    expect(session).toMatchObject({ address: HOME, factor: false, id: expect.stringMatching(/^[0-9a-f]{12}$/) });
    expect(session?.networks.map(({ network }) => network).sort()).toEqual(
      [CAFE, HOME, SHOP, '2001:db8:1:2::/64', '2001:db8:9:9::/64'].sort(),
    );
    expect(bob.cookies.get('__Host-medianest')).not.toContain(session?.id);
  });

  it('is told after a hundred others, too: the one used longest ago makes room', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`192.0.2.${at}`, 1000 + at]));
    const sql = `UPDATE sign_on.sessions SET a_session = jsonb_set(a_session, '{_networks}', '${JSON.stringify(many)}')`;
    await docker(['exec', `${stack.space.project}-postgres-1`, 'psql', '-U', 'postgres', '-d', 'medianest', '-c', sql]);
    const thief = new At({ address: '127.0.0.1', port: stack.space.httpsPort }, 'localhost');
    thief.cookies.set('__Host-medianest', first);
    expect(await thief.status(TRAIN as string)).toBe(200);
    expect((await events()).at(-1)).toMatchObject({ code: 'SESSION_ELSEWHERE', remote_addr: TRAIN });
    const after = (await sessions())[0]?.networks.map(({ network }) => network);
    expect([after?.length, after?.[0], after?.includes('192.0.2.0'), after?.includes('192.0.2.1')]).toEqual([100, TRAIN, false, true]);
  });

  it('can be ended alone', async () => {
    const [its] = await sessions();
    const other = await signedIn(CAFE as string);
    const ended = await stack.space.run(['users', 'sessions', 'bob', '--end', its?.id as string, '--json']);
    expect([ended.status, parsed<object>(ended)]).toEqual([0, { login: 'bob', ended: 1 }]);
    expect(audit(stack.space).at(-1)).toMatchObject({ command: 'medianest users sessions bob', result: 'done' });
    expect((await sessions()).map(({ address }) => address)).toEqual([CAFE]);
    expect(await other.status(CAFE as string)).toBe(200);
    for (const wrong of [its?.id as string, 'x', "' OR 1=1"]) {
      const refused = await stack.space.run(['users', 'sessions', 'bob', '--end', wrong, '--json']);
      expect([refused.status, parsed<JsonError>(refused).error.code]).toEqual([1, 'USERS_REFUSED']);
    }
  });

  it('ends where it is bound, by the portal, by what it may not see, or by a page of the provider', async () => {
    const up = await stack.space.run(['up', '--json', '--set', 'signOn.address=bind']);
    expect([up.status, up.status === 0 ? '' : up.stderr]).toEqual([0, '']);
    for (const [where, path] of [
      [CAFE, '/'],
      [SHOP, '/admin'],
      [HOME6, '/auth/2fregisters'],
    ] as const) {
      const bob = await signedIn(HOME as string);
      expect(await bob.status(HOME as string)).toBe(200);
      const thief = await bob.status(where as string, path);
      expect(thief).toBe(302);
      await until('its owner signs in again', async () => (await bob.status(HOME as string)) === 302, 10);
      expect((await events()).at(-1)).toMatchObject({ code: 'SESSION_ENDED_ELSEWHERE', began: HOME, remote_addr: where });
    }
    // The edge does not take these for the session, and no page of the provider does.
    const owner = await signedIn(HOME as string);
    const stolen = `__Host-medianest=${owner.cookies.get('__Host-medianest')}`;
    for (const cookie of [
      `${stolen},x`,
      `x=1,${stolen}`,
      `!${stolen}`,
      `__Host%2Dmedianest${stolen.slice(16)}`,
      stolen.replace('=', '="'),
      `llnglanguage=${stolen}`,
      `__Host-medianestpdata=x ${stolen}`,
    ]) {
      const thief = new At({ address: '127.0.0.1', port: stack.space.httpsPort }, 'localhost');
      thief.from = CAFE as string;
      expect([cookie, (await thief.ask('/auth/2fregisters', { headers: { cookie } })).status]).toEqual([cookie, 302]);
    }
    expect(await owner.status(HOME as string, '/auth/2fregisters')).toBe(200);
    const six = await signedIn(HOME6 as string);
    expect([await six.status(HOME6 as string), await six.status(HOME6_LATER as string)]).toEqual([200, 200]);
    expect(await six.status(CAFE6 as string)).toBe(302);
  });
});
