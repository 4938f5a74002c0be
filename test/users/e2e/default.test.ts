import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HealthReport } from '../../../src/capability/check.ts';
import type { Run } from '../../support/cli.ts';
import { ONE_SERVER_EACH } from '../../support/load/load-stack.ts';
import { PASSWORDS, tokenOf } from '../../support/sign-on/sign-on-stack.ts';
import { unusedTotp, Visitor } from '../../support/sign-on/visitor.ts';
import { identities, parsed, portal, ready } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

// staging as its profile has it, for its default; of the data one server each.

let space: Workspace;
const commands: string[] = [];

async function done(...args: string[]): Promise<Run> {
  commands.push(args.join(' '));
  const run = await space.run(args);
  if (run.status !== 0) throw new Error(`${args.join(' ')}: status ${run.status}\n${run.stdout}\n${run.stderr.slice(-3000)}`);
  return run;
}

const configure = (signOn: boolean | undefined) =>
  space.configure({
    profile: 'staging',
    components: { ...ONE_SERVER_EACH.components, cdn: false, balancer: false, 'sign-on': signOn },
    app: { replicas: 1 },
    edge: { login: { perMinute: 5000, burst: 1000 } },
  });

const visitor = () => new Visitor({ address: '127.0.0.1', port: space.httpsPort }, 'localhost');
const stranger = async () => (await visitor().ask('/')).status;

beforeAll(async () => {
  space = await workspace('so-default');
});
afterAll(() => space?.destroy());

test('a stack that has run without sign-on locks nobody out by an update, and tells how to decide', async () => {
  configure(false);
  await done('up');
  await ready(portal, space);
  const before = await identities(space.project);
  // As with a medianest that knew no such default: nothing says what is wanted.
  configure(undefined);
  const why = expect.stringMatching(/visitors do not sign in.*this stack has run without it/);
  const plan = await space.run(['plan', '--json']);
  expect([plan.status, parsed<object>(plan)]).toMatchObject([0, { warnings: expect.arrayContaining([why]) }]);
  const up = await done('up', '--json');
  expect(parsed<object>(up)).toMatchObject({ warnings: expect.arrayContaining([why]) });
  expect(up.stderr).toContain('`components: { sign-on: false }` keeps it as it is');
  expect([await stranger(), await identities(space.project)]).toEqual([200, before]);
  expect((await done('status')).stdout).toContain('visitors do not sign in');
  const { checks } = parsed<HealthReport>(await space.run(['health', '--json']));
  expect(checks).toContainEqual(expect.objectContaining({ id: 'sign-on.access', status: 'warn', message: why }));

  configure(false);
  expect(parsed<object>(await space.run(['plan', '--json']))).not.toMatchObject({ warnings: expect.arrayContaining([why]) });

  configure(true);
  const switched = await done('up', '--json');
  expect(switched.stderr).toContain('visitors sign in from now on');
  expect(parsed<object>(switched)).toMatchObject({ invitation: { login: 'admin' } });
  expect([await stranger(), (await visitor().ask('/api/health')).status]).toEqual([302, 200]);
  // It has it now: the default is as good as the word.
  configure(undefined);
  expect([(await space.run(['plan'])).status, await stranger()]).toEqual([0, 302]);
});

test('from nothing to a second person with a second factor in four commands, with `init`', async () => {
  await done('down', '--volumes', '--no-backup', '--yes');
  rmSync(space.state, { recursive: true });
  commands.length = 0;
  const { invitation } = parsed<{ invitation: { link: string } }>(await done('up', '--json'));
  const enter = async (user: 'admin' | 'bob', link: string): Promise<Visitor> => {
    await visitor().accept(tokenOf(link), PASSWORDS[user]);
    const first = visitor();
    expect((await first.signIn(user, PASSWORDS[user])).headers.location).toContain('/auth/2fregisters');
    const secret = await first.registerTotp(Date.now);
    const one = visitor();
    await one.enter(await one.signIn(user, PASSWORDS[user]), await unusedTotp(secret));
    return one;
  };
  const role = async (one: Visitor) => (await one.ask('/api/me', { headers: { accept: 'application/json' } })).json();
  expect(await role(await enter('admin', invitation.link))).toMatchObject({ signOn: true, role: 'admin', mfa: true });
  const { link } = parsed<{ link: string }>(await done('users', 'invite', 'bob', '--groups', 'operator', '--json'));
  expect(await role(await enter('bob', link))).toMatchObject({ signOn: true, role: 'operator', mfa: true });
  expect(['init', ...commands].length).toBeLessThanOrEqual(4);
});
