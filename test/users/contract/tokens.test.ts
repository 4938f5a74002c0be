import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Token } from '../../../src/users/plan/tokens.ts';
import { docker } from '../../support/cli.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';

const DAY_MS = 86_400_000;
const NEXT_YEAR = new Date(Date.now() + 300 * DAY_MS).toISOString().slice(0, 10);
const TRIES = 12;

type Made = Token & { token: string };

let stack: SignOnStack;
beforeAll(async () => {
  stack = await signOnStack('sign-on-tokens', {
    edge: {
      login: { perMinute: 6, burst: TRIES - 6 },
      waf: { mode: 'block' },
      access: [
        { paths: ['/share/'], roles: ['everyone'] },
        { paths: ['/admin'], roles: ['admin'] },
        { paths: ['/strict'], roles: ['member'], mfa: true },
        { paths: ['/machines'], roles: ['member'], mfa: true, tokens: true },
      ],
    },
  });
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member,family');
});
afterAll(() => stack?.space.destroy());

const add = async (name: string, ...options: string[]): Promise<Made> =>
  parsed<Made>(await stack.space.run(['users', 'token', 'add', name, '--until', NEXT_YEAR, ...options, '--json']));
const bearer = (token: string) => ({ authorization: `Bearer ${token}`, accept: 'application/json' });
const ask = (token: string, where: string) => stack.visitor().ask(where, { headers: bearer(token) });
const refusals = async () => {
  const { stdout } = await docker(['logs', `${stack.space.project}-edge-1`]);
  return stdout
    .split('\n')
    .filter((line) => line.includes('TOKEN_REFUSED'))
    .map((line) => JSON.parse(line) as Record<string, string>);
};

describe('an API token', () => {
  let film: Made;
  let robot: Made;
  let late: Made;

  it('is printed once, stands for a user or has roles, and the application is told so without it', async () => {
    film = await add('film', '--user', 'bob');
    robot = await add('robot', '--role', 'admin', '--paths', '/Admin/films');
    expect([film, robot]).toMatchObject([
      { name: 'film', user: 'bob', roles: [], token: expect.stringMatching(/^mn_[\w-]{43}$/) },
      { name: 'robot', user: null, roles: ['admin'], paths: ['/Admin/films'] },
    ]);
    const listed = await stack.space.run(['users', 'token', 'list', '--json']);
    expect(parsed<{ tokens: Token[] }>(listed).tokens.map(({ name }) => name)).toEqual(['film', 'robot']);
    expect(listed.stdout).not.toContain('mn_');
    expect(JSON.stringify(audit(stack.space))).not.toContain('mn_');
    expect(audit(stack.space).at(-1)).toMatchObject({ command: 'medianest users token add robot', result: 'done' });

    const headers = await stack.told(stack.visitor(), '/x', bearer(film.token));
    expect(headers).toMatchObject({ 'remote-user': 'bob', 'remote-groups': 'family,member' });
    expect(headers).not.toHaveProperty('authorization');
    const assertion = JSON.parse(Buffer.from((headers['x-medianest-assertion'] as string).split('.')[1] as string, 'base64url').toString());
    expect(assertion).toMatchObject({ sub: 'bob', groups: ['family', 'member'], mfa: false });
    expect(await stack.told(stack.visitor(), '/admin/films/7', bearer(robot.token))).toMatchObject({
      'remote-user': 'token:robot',
      'remote-groups': 'admin',
    });
    // The application's own schemes pass, and open paths tell it nothing.
    expect(await stack.told(stack.visitor(), '/share/x', { authorization: 'Basic YTpi' })).toMatchObject({ authorization: 'Basic YTpi' });
    expect(await stack.told(stack.visitor(), '/share/x', bearer(film.token))).not.toHaveProperty('authorization');
  });

  it('is refused where its roles, its paths or a second factor are missing, and each time is an event', async () => {
    const answers = [
      [film.token, '/admin', 403],
      [film.token, '/strict', 403],
      [film.token, '/machines', 200],
      [robot.token, '/x', 403],
      [robot.token, '/admin/films//x', 403],
      ['mn_short', '/x', 401],
      [`mn_${'a'.repeat(43)}`, '/x', 401],
    ] as const;
    for (const [token, where, status] of answers) expect([where, (await ask(token, where)).status]).toEqual([where, status]);
    const wrong = await ask(`mn_${'b'.repeat(43)}`, '/x');
    expect([wrong.headers['www-authenticate'], wrong.json()]).toMatchObject(['Bearer error="invalid_token"', { error: { code: 'token' } }]);
    await until('they are written', async () => (await refusals()).length >= 7, 5);
    const told = (await refusals()).map(({ token, reason, path }) => [token, reason, path]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['film', 'role', '/admin'],
        ['film', 'mfa', '/strict'],
        ['robot', 'path', '/x'],
        ['robot', 'mfa', '/admin/films//x'],
        ['', 'malformed', '/x'],
        ['', 'unknown', '/x'],
      ]),
    );
  });

  it('counts in no query, and is in no log', async () => {
    expect((await stack.visitor().ask(`/share/x?token=${film.token}`)).status).toBe(400);
    for (const one of [`${stack.space.project}-edge-1`, stack.container]) {
      const { stdout, stderr } = await docker(['logs', one]);
      expect(stdout + stderr).not.toContain(film.token.slice(3));
    }
    const written = async () => (await refusals()).some(({ reason, path }) => reason === 'query' && path === '/share/x');
    await until('it is written', written, 5);
  });

  it('ends with its removal, its user and its roles, within seconds', async () => {
    expect((await stack.space.run(['users', 'groups', 'bob', '--remove', 'member'])).status).toBe(0);
    await until('it has no such role', async () => (await ask(film.token, '/x')).status === 403, 10);
    expect((await stack.space.run(['users', 'groups', 'bob', '--add', 'member'])).status).toBe(0);
    await until('it has it again', async () => (await ask(film.token, '/x')).status === 200, 10);
    expect((await stack.space.run(['users', 'token', 'remove', 'robot'])).status).toBe(0);
    await until('it is gone', async () => [401, 429].includes((await ask(robot.token, '/admin/films')).status), 10);
    // Two admins at once: one of them makes it.
    const twice = ['users', 'token', 'add', 'twice', '--role', 'guest', '--until', NEXT_YEAR, '--wait-lock=30'];
    expect((await Promise.all([stack.space.run(twice), stack.space.run(twice)])).map(({ status }) => status).sort()).toEqual([0, 1]);
    for (const args of [
      ['token', 'remove', 'robot'],
      ['token', 'add', 'film', '--role', 'guest', '--until', NEXT_YEAR],
      ['token', 'add', 'x', '--user', 'nobody', '--until', NEXT_YEAR],
    ]) {
      const refused = await stack.space.run(['users', ...args, '--json']);
      expect([args, refused.status, parsed<JsonError>(refused).error.code]).toEqual([args, 1, 'USERS_REFUSED']);
    }
  });

  it('opens nothing while the database is away, but for what was allowed before', async () => {
    late = await add('late', '--role', 'member');
    expect((await ask(film.token, '/x')).status).toBe(200);
    await docker(['stop', `${stack.space.project}-postgres-1`]);
    await sleep(6000);
    expect([(await ask(film.token, '/x')).status, (await ask(late.token, '/x')).status]).toEqual([200, 503]);
    await docker(['start', `${stack.space.project}-postgres-1`]);
    await until('it answers', async () => (await ask(late.token, '/x')).status === 200, 40);
    expect((await stack.space.run(['users', 'remove', 'bob'])).status).toBe(0);
    await until('the user’s tokens are gone', async () => (await ask(film.token, '/x')).status === 401, 10);
  });

  it('that is guessed is slowed for all unknown ones of that client, and for no other', async () => {
    const statuses: number[] = [];
    for (let guess = 0; guess < TRIES + 3; guess++) statuses.push((await ask(`mn_${String(guess).padStart(43, 'x')}`, '/x')).status);
    // The minute may change meanwhile.
    expect(statuses).toContain(429);
    expect((await ask(late.token, '/x')).status).toBe(200);
  });
});
