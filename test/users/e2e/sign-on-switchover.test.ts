import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { PASSWORDS, type SignOnStack, signOnStack, tokenOf } from '../../support/sign-on/sign-on-stack.ts';
import { unusedTotp } from '../../support/sign-on/visitor.ts';
import { parsed, until } from '../../support/stack.ts';

let stack: SignOnStack;
beforeAll(async () => {
  stack = await signOnStack('sign-on-switchover', {
    components: {
      ...{ 'sign-on': true, postgres: false, patroni: true, etcd: true, 'db-router': true },
      ...{ agent: true, 'engine-proxy': true },
    },
    database: { members: 2 },
    etcd: { members: 1 },
  });
});
afterAll(() => stack?.space.destroy());

test('a second person is signed in with a second factor after two commands', async () => {
  const invited = await stack.space.run(['users', 'invite', 'bob', '--groups', 'operator', '--json']);
  expect(invited.status).toBe(0);
  const bob = stack.visitor();
  expect((await bob.accept(tokenOf(parsed<{ link: string }>(invited).link), PASSWORDS.bob)).text).toContain('Your password is set');
  await bob.signIn('bob', PASSWORDS.bob);
  const secret = await bob.registerTotp(Date.now);
  const page = await bob.signIn('bob', PASSWORDS.bob);
  await bob.enter(page, await unusedTotp(secret));
  expect(await stack.told(bob, '/strict')).toMatchObject({ 'remote-user': 'bob', 'remote-groups': 'operator' });
  stack.secrets.bob = secret;
});

test('a change of the database’s leader signs nobody out', async () => {
  const bob = await stack.signedIn('bob');
  expect((await bob.ask('/')).status).toBe(200);
  const changed = await stack.space.run(['switchover', '--json']);
  expect([changed.status, parsed<object>(changed)]).toEqual([0, expect.objectContaining({ result: 'changed' })]);
  expect((await bob.ask('/')).status).toBe(200);
  await until('another one signs in', async () => (await (await stack.signedIn('bob')).ask('/strict')).status === 200, 60);
  expect((await bob.ask('/')).status).toBe(200);
});

test('an import of a database keeps those who may sign in, and so does the way back', async () => {
  const dump = path.join(stack.space.dir, 'shop.sql');
  writeFileSync(dump, `CREATE TABLE orders (id int PRIMARY KEY);\nCOPY orders (id) FROM stdin;\n${[1, 2, 3].join('\n')}\n\\.\n`);
  for (const args of [[dump], ['--back']]) {
    const done = await stack.space.run(['import', 'database', ...args, '--yes', '--json']);
    expect(done.status, `${done.stdout}${done.stderr}`).toBe(0);
    const { users } = parsed<{ users: { login: string; factors: string[] }[] }>(await stack.space.run(['users', 'list', '--json']));
    expect(users).toMatchObject([{ login: 'admin' }, { login: 'bob', factors: ['totp'] }]);
    await until('bob signs in', async () => (await (await stack.signedIn('bob')).ask('/strict')).status === 200, 60);
  }
});

test('the database gives its role nothing but its own schema', async () => {
  const query = `SELECT count(*) FROM information_schema.table_privileges WHERE grantee = 'sign_on' AND table_schema <> 'sign_on'`;
  const leader = parsed<{ services: { name: string; role?: string }[] }>(await stack.space.run(['status', '--json'])).services.find(
    ({ name, role }) => name.startsWith('postgres-') && role === 'leader',
  )?.name;
  const said = await docker([
    ...['exec', `${stack.space.project}-${leader}-1`, 'psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', 'medianest', '-c', query],
  ]);
  expect([said.status, said.stdout.trim()]).toEqual([0, '0']);
});
