import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { rotatedPasswords } from '../../support/data/passwords.ts';
import { checkWrites, kinds, loadOn, under } from '../../support/load/load.ts';
import {
  composeOf,
  configureSegments,
  leaderOf,
  members,
  printed,
  segmentsStack,
  sql,
  whole,
} from '../../support/network/segments-stack.ts';
import { startWriter } from '../../support/network/segments-writer.ts';
import { audit, changedServices, containers, identities, type JsonError, parsed, portal, until } from '../../support/stack.ts';
import { PREFIX, type Workspace } from '../../support/workspace.ts';

let space: Workspace;
let writer: Awaited<ReturnType<typeof startWriter>>;

/** Longest times without an acknowledged write that are no outage, on a host of two cores that also runs tests: ms. */
const HANDOVER_GAP = 8_000;
const NO_GAP = 3_000;

/** An image of the database that cannot judge parameters. */
const UNJUDGED = `${PREFIX}-unjudged:1`;

beforeAll(async () => {
  space = await segmentsStack('operations');
  await whole(space);
  writer = await startWriter(space);
});
afterAll(async () => {
  await writer?.stop();
  await space?.destroy();
  await docker(['image', 'rm', UNJUDGED]);
});

/** Does something while people use the portal and a program writes: neither may notice more than a short wait. */
async function used<T>(act: () => Promise<T>): Promise<{ result: T; gap: number }> {
  const load = await loadOn(space, { rate: 6, postEvery: 2, timeoutMs: 15_000 });
  const { result, report } = await under(load, () => writer.gapDuring(act));
  expect.soft(kinds(report.failures)).toEqual({});
  expect(report.post.answered).toBeGreaterThan(0);
  expect(await checkWrites(space, report)).toMatchObject({ lost: [], doubled: [] });
  expect(await writer.lost()).toEqual([]);
  return result;
}

/** Does what the plan calls an interruption, while a program writes: it waits, and loses nothing. */
async function written(act: () => Promise<unknown>): Promise<void> {
  const { gap } = await writer.gapDuring(act);
  expect(await writer.lost()).toEqual([]);
  expect.soft(gap).toBeLessThan(2 * HANDOVER_GAP);
}

/** A command, with what it said where it failed. */
async function done(args: readonly string[]): Promise<Run> {
  const run = await space.run(args);
  if (run.status !== 0) throw new Error(`${args.join(' ')}: status ${run.status}\n${run.stdout}\n${run.stderr.slice(-3000)}`);
  return run;
}

const settled = async () => {
  await whole(space);
  expect((await space.run(['plan'])).status).toBe(0);
};

/** The same where containers were just started: they are not healthy at once. */
const recovered = async () => {
  await until('every container is healthy', async () => (await space.run(['plan'])).status === 0, 90);
  await settled();
};

describe('planned hand-overs', () => {
  test('switchover: the other member leads, and writes wait', async () => {
    const before = await leaderOf(space, 'postgres');
    const { result, gap } = await used(() => done(['switchover', '--json']));
    const { leader } = parsed<{ leader: string }>(result);
    expect(leader).not.toBe(before);
    expect(await leaderOf(space, 'postgres')).toBe(leader);
    expect.soft(gap).toBeLessThan(HANDOVER_GAP);
    await settled();
  });

  test('switchover ends when every member takes part, and works again right after', async () => {
    for (const _again of [1, 2]) {
      const before = await leaderOf(space, 'postgres');
      const { leader, result } = parsed<{ leader: string; result: string }>(await done(['switchover', '--json']));
      expect([leader === before, result]).toEqual([false, 'changed']);
      expect(Object.values(await members(space)).filter(({ ok }) => !ok)).toEqual([]);
    }
    const leader = await leaderOf(space, 'postgres');
    expect(parsed(await done(['switchover', '--to', leader, '--json']))).toMatchObject({ before: leader, leader, result: 'unchanged' });
    await settled();
  });

  test('a killed switchover, run again: the change is not undone', async () => {
    const before = await leaderOf(space, 'postgres');
    const hasChanged = async () => (await leaderOf(space, 'postgres').catch(() => before)) !== before;
    const killed = await space.run(['switchover'], {
      onSpawn: (child) => void until('the leader has changed', hasChanged, 60).finally(() => child.kill('SIGKILL')),
    });
    // It still waited until the old leader takes part.
    expect(killed.status).not.toBe(0);
    const started = Date.now();
    const again = parsed<{ leader: string; result: string }>(await done(['switchover', '--json']));
    expect(again).toMatchObject({ result: 'unchanged' });
    expect(again.leader).not.toBe(before);
    expect(Date.now() - started).toBeLessThan(45_000);
    // What the killed one has left would pause healing for a minute.
    expect(existsSync(path.join(space.state, 'hold/hold'))).toBe(false);
    expect((await docker(['kill', `${space.project}-redis-6-1`])).status).toBe(0);
    const heals = async () => (await containers(space.project)).some(({ service, state }) => service === 'redis-6' && state === 'running');
    await until('the agent has started redis-6', heals, 45);
    await recovered();
  });

  test('a switchover that is refused ends with 1, changes nothing, and pauses healing no longer', async () => {
    const before = await leaderOf(space, 'postgres');
    const lines = audit(space).length;
    const refused = async (more: readonly string[], message: RegExp) => {
      const run = await space.run(['switchover', ...more, '--json']);
      expect([run.status, parsed<JsonError>(run).error]).toEqual([
        1,
        expect.objectContaining({ code: 'LEADER_REFUSED', message: expect.stringMatching(message) }),
      ]);
      expect([await sql(space, before, 'SELECT pg_is_in_recovery()'), audit(space).length]).toEqual(['f', lines]);
      for (const left of ['hold/hold', 'leader-change.json'])
        expect([left, existsSync(path.join(space.state, left))]).toEqual([left, false]);
    };
    const other = before === 'postgres-1' ? 'postgres-2' : 'postgres-1';
    // Stopped on purpose, so that the agent leaves it so.
    await docker(['stop', `${space.project}-${other}-1`]);
    await refused(['--to', other], /; nothing was changed$/);
    await docker(['stop', `${space.project}-agent-1`]);
    await refused([], /^agent does not run, and only it changes the leader; nothing was changed$/);
    expect((await space.run(['switchover', '--to', 'postgres-9'])).status).toBe(2);
    await docker(['start', `${space.project}-agent-1`, `${space.project}-${other}-1`]);
    await recovered();
  });

  test('failover is refused while the leader answers, and --force is what it takes', async () => {
    const before = await leaderOf(space, 'postgres');
    const to = before === 'postgres-1' ? 'postgres-2' : 'postgres-1';
    for (const more of [[], ['--to', to], ['--yes']]) {
      const refused = await space.run(['failover', ...more, '--json']);
      expect(refused.status).toBe(1);
      expect(parsed<{ error: { code: string; message: string } }>(refused).error).toMatchObject({
        code: 'LEADER_REFUSED',
        message: expect.stringContaining(`${before} leads and answers: use switchover`),
      });
    }
    expect(await leaderOf(space, 'postgres')).toBe(before);
    const { gap } = await used(() => done(['failover', '--to', to, '--force']));
    expect(await leaderOf(space, 'postgres')).toBe(to);
    expect.soft(gap).toBeLessThan(HANDOVER_GAP);
    await settled();
  });

  test.each([
    ['postgres', HANDOVER_GAP],
    ['redis', NO_GAP],
    ['etcd', NO_GAP],
  ])('restart %s: one at a time, what leads last', async (group, most) => {
    const before = await identities(space.project);
    const names = Object.keys(before).filter((name) => name.startsWith(`${group}-`));
    const { result, gap } = await used(() => done(['restart', group]));
    const restarts = [...result.stderr.matchAll(/^restart (\S+): hand over/gm)].map(([, name]) => name);
    expect([...new Set(restarts)].sort()).toEqual(names.sort());
    expect(changedServices(before, await identities(space.project))).toEqual(names.sort());
    expect.soft(gap).toBeLessThan(most);
    await settled();
  });
});

/** A secret as it is now, or was before: `services` are those that hold it. */
const held = (service: string, name: string) => readFileSync(path.join(space.state, 'secrets', service, name), 'utf8');

const ROTATED = rotatedPasswords(() => space);

describe('secrets rotate, under load', () => {
  test.each(ROTATED)('$name: nobody notices, and the old one is dead', async ({ name, holder, parts }) => {
    const old = parts.map(({ secret }) => held(holder, secret));
    expect(await Promise.all(parts.map(({ takes }, index) => takes(old[index] as string)))).toEqual(parts.map(() => true));
    const { gap } = await used(() => done(['secrets', 'rotate', name]));
    expect.soft(gap).toBeLessThan(NO_GAP);
    expect(await Promise.all(parts.map(({ takes }, index) => takes(old[index] as string)))).toEqual(parts.map(() => false));
    expect(await Promise.all(parts.map(({ secret, takes }) => takes(held(holder, secret))))).toEqual(parts.map(() => true));
    await settled();
  });
});

describe('settings changed in medianest.yml', () => {
  const show = async (name: string) => Promise.all(['postgres-1', 'postgres-2'].map((member) => sql(space, member, `SHOW ${name}`)));
  const APPLIED = ['parameters ok database: all parameters are applied'];
  const parameterHealth = async () =>
    parsed<{ checks: { id: string; status: string; message: string }[] }>(await space.run(['health', '--json']))
      .checks.filter(({ id }) => id.startsWith('parameters'))
      .map(({ id, status, message }) => `${id} ${status} ${message}`);
  const planned = async () => {
    const plan = await space.run(['plan', '--json']);
    expect(plan.status).toBe(3);
    const { changes } = parsed<{ changes: { service: string; action: string; cause: string; downtime: string }[] }>(plan);
    return changes.filter(({ action }) => action !== 'keep');
  };

  test('a parameter that is read anew: told so, no restart, and it holds on every member', async () => {
    configureSegments(space, { database: { parameters: { random_page_cost: 1.25 } } });
    const changes = await planned();
    expect(changes.map(({ service, action, downtime }) => [service, action, downtime])).toEqual([
      ['postgres-1', 'reload', 'none'],
      ['postgres-2', 'reload', 'none'],
    ]);
    const before = await identities(space.project);
    const started = await sql(space, 'postgres-1', 'SELECT pg_postmaster_start_time()');
    const { gap } = await used(() => done(['up']));
    expect.soft(gap).toBeLessThan(NO_GAP);
    expect(changedServices(before, await identities(space.project))).toEqual([]);
    expect(await sql(space, 'postgres-1', 'SELECT pg_postmaster_start_time()')).toBe(started);
    // Each member asks every ten seconds what it should be.
    await until('every member has it', async () => (await show('random_page_cost')).every((value) => value === '1.25'), 30);
    await whole(space);
  });

  test.each([
    ['raised', 130],
    ['lowered, which a replica may not before its leader', 90],
  ])('max_connections %s: told that it restarts, the replica first, and it holds on every member', async (_how, maxConnections) => {
    configureSegments(space, { database: { maxConnections } });
    const leader = await leaderOf(space, 'postgres');
    expect(await planned()).toEqual(
      ['postgres-1', 'postgres-2'].map((service) =>
        expect.objectContaining({
          service,
          action: 'recreate',
          cause: expect.stringContaining('settings that it reads at its start alone'),
        }),
      ),
    );
    const { result, gap } = await used(() => done(['up']));
    const order = [...result.stderr.matchAll(/^replace (\S+): hand over/gm)].map(([, name]) => name);
    expect([...new Set(order)]).toEqual(['postgres-1', 'postgres-2'].sort((a, b) => Number(a === leader) - Number(b === leader)));
    expect.soft(gap).toBeLessThan(HANDOVER_GAP);
    await settled();
    expect(await show('max_connections')).toEqual([String(maxConnections), String(maxConnections)]);
  });

  test('a parameter that PostgreSQL refuses: told with its reason, and nothing is changed', async () => {
    const before = await identities(space.project);
    const shared = () => readFileSync(path.join(space.state, 'config/postgres-1/current/dynamic.yml'), 'utf8');
    const text = shared();
    const parameters = { timezone: 'Nowhere/Else' };
    configureSegments(space, { database: { maxConnections: 90, parameters } });
    expect((await planned()).map(({ service, action }) => [service, action])).toEqual([
      ['postgres-1', 'reload'],
      ['postgres-2', 'reload'],
    ]);
    const up = await space.run(['up', '--json']);
    expect([up.status, parsed<JsonError>(up).error]).toEqual([
      1,
      expect.objectContaining({
        code: 'CONFIG_REFUSED',
        message: expect.stringMatching(
          /`database\.parameters`: invalid value for parameter "TimeZone": "Nowhere\/Else"; nothing was changed$/,
        ),
        hint: expect.stringContaining('under `database.parameters` in medianest.yml'),
      }),
    ]);
    expect([changedServices(before, await identities(space.project)), shared()]).toEqual([[], text]);
    // What a command for another component writes is judged by the next `up`.
    await done(['maintenance', 'on']);
    await done(['maintenance', 'off']);
    const again = await space.run(['up', '--json']);
    expect([parsed<JsonError>(again).error.code, shared()]).toEqual(['CONFIG_REFUSED', text]);
    configureSegments(space, { database: { maxConnections: 90 } });
    await done(['up']);
    await settled();
    expect(await parameterHealth()).toEqual(APPLIED);
  });

  // An image that cannot judge, as those before 0.5 could not.
  test('one that got in unjudged: health names it, no member starts with it again, and the corrected `up` cures them', async () => {
    const members = ['postgres-1', 'postgres-2'];
    const patroni = composeOf(space).services['postgres-1']?.image;
    const input = `FROM ${patroni}\nUSER root\nRUN rm /usr/local/bin/check-parameters\nUSER 10002:10002\n`;
    expect((await docker(['build', '--tag', UNJUDGED, '-'], { input })).status).toBe(0);
    const configure = (database: object) =>
      configureSegments(space, { images: { patroni: UNJUDGED }, database: { maxConnections: 90, ...database } });
    configure({});
    await written(() => done(['up']));
    await settled();
    configure({ parameters: { timezone: 'Nowhere/Else' } });
    expect((await done(['up'])).stderr).toContain(
      `\`database.parameters\` is not checked, because ${UNJUDGED} has no /usr/local/bin/check-parameters`,
    );
    const told = async (says: string) => {
      const found = await parameterHealth();
      return members.every((name) => found.includes(`parameters.${name} fail ${name} ${says}`));
    };
    await until('health names it', () => told('does not apply timezone = Nowhere/Else, and would not start again with it'), 60);
    expect((await space.run(['health'])).status).toBe(5);

    expect((await docker(['restart', ...members.map((name) => `${space.project}-${name}-1`)])).status).toBe(0);
    await until(
      'health says why no member starts',
      () => told('cannot start with its parameters: invalid value for parameter "TimeZone": "Nowhere/Else"'),
      60,
    );
    const sick = async () => {
      await sleep(2000);
      return (await containers(space.project)).some(({ service, health }) => members.includes(service) && health === 'unhealthy');
    };
    await until('a member is unhealthy', sick, 300);
    configure({});
    await done(['up']);
    await settled();
    await until('all parameters are applied', async () => String(await parameterHealth()) === String(APPLIED), 60);
    expect(await show('timezone')).toEqual(['UTC', 'UTC']);
    expect(await writer.lost()).toEqual([]);

    configureSegments(space, { database: { maxConnections: 90 } });
    await written(() => done(['up']));
    await settled();
  }, 900_000);

  test('one etcd, three members of the database and no replicas of the cache: and back', async () => {
    const sizes = async () => {
      const names = Object.keys(await members(space));
      return ['etcd', 'postgres', 'redis'].map((group) => names.filter((name) => name.startsWith(`${group}-`)).length);
    };
    configureSegments(space, { etcd: { members: 1 }, database: { members: 3, maxConnections: 90 }, redisCluster: { replicas: 0 } });
    await written(() => done(['up']));
    expect(await sizes()).toEqual([1, 3, 3]);
    await settled();
    configureSegments(space, { database: { maxConnections: 90 } });
    await written(() => done(['up']));
    expect(await sizes()).toEqual([3, 2, 6]);
    await settled();
  });
});

describe('the whole', () => {
  test('update --check tells what is newer, and changes nothing', async () => {
    const before = await identities(space.project);
    const check = await space.run(['update', '--check', '--json']);
    const { result, updates } = parsed<{ result: string; updates: unknown[] }>(check);
    expect([check.status, result]).toEqual(updates.length > 0 ? [3, 'planned'] : [0, 'current']);
    expect(changedServices(before, await identities(space.project))).toEqual([]);
  });

  test('down and up: data, roles and passwords are what they were', async () => {
    const cookie =
      (await portal(space, '/api/session', { method: 'POST', body: { name: 'Ada' } })).headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const timeline = Number(await sql(space, await leaderOf(space, 'postgres'), 'SELECT timeline_id FROM pg_control_checkpoint()'));
    await writer.stop();
    await done(['down']);
    await done(['up']);
    await settled();
    expect(await writer.lost()).toEqual([]);
    expect(
      Number(await sql(space, await leaderOf(space, 'postgres'), 'SELECT timeline_id FROM pg_control_checkpoint()')),
    ).toBeGreaterThanOrEqual(timeline);
    expect(JSON.parse((await portal(space, '/api/session', { headers: { cookie } })).body)).toMatchObject({ name: 'Ada' });
    expect(await printed(space, 'redis-1', ['id', '-u'])).toBe('10003');
  });
});
