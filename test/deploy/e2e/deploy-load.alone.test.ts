import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { badApp } from '../../support/load/bad-apps.ts';
import { checkWrites, kinds, type LoadReport, loadOn, under } from '../../support/load/load.ts';
import { destroyProd, prodStack, said, versionOf } from '../../support/load/load-stack.ts';
import { changedServices, containers, identities, type JsonError, parsed } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

let space: Workspace;

const replicas = async () =>
  (await containers(space.project)).filter(({ service }) => service.startsWith('app-')).map(({ service }) => service);
const versions = async () => Promise.all((await replicas()).map((service) => versionOf(space, service)));

/** Nothing failed, and every write that was acknowledged is there once. */
async function nothingLost(report: LoadReport): Promise<void> {
  expect(kinds(report.failures)).toEqual({});
  expect(report.failed).toBe(0);
  expect(await checkWrites(space, report)).toMatchObject({ lost: [], doubled: [] });
}

async function undisturbed<T>(act: () => Promise<T>, slowPath?: string): Promise<{ result: T; report: LoadReport }> {
  const { result, report } = await under(await loadOn(space, slowPath ? { slowPath } : {}), async () => {
    const done = await act();
    await sleep(500);
    return done;
  });
  await nothingLost(report);
  return { result, report };
}

beforeAll(async () => {
  space = await prodStack('deploy', { replicas: 2, settleSeconds: 2 });
});
afterAll(() => destroyProd(space));
afterEach(async () => {
  expect((await space.run(['plan'])).status).toBe(0);
});

describe('under load', () => {
  test('a deploy drops nothing, and a request of 20 s is finished', async () => {
    const before = await identities(space.project);
    const { result: deploy, report } = await undisturbed(
      () => space.run(['deploy', '--image', badApp('good-2'), '--json']),
      '/fault/slow?seconds=20',
    );
    expect(deploy.status).toBe(0);
    expect(parsed(deploy)).toMatchObject({ result: 'deployed', replicas: 2, release: expect.any(String), previous: expect.any(String) });
    expect(report.slow).toMatchObject({ failed: 0 });
    expect(report.slow.answered).toBeGreaterThan(0);
    expect(await versions()).toEqual(Array(2).fill('good-2'));
    expect(changedServices(before, await identities(space.project))).toEqual(['app-1', 'app-2']);
  });

  test('a rollback drops nothing and brings the exact image back', async () => {
    const { result: rollback } = await undisturbed(() => space.run(['rollback', '--json']));
    expect(rollback.status).toBe(0);
    expect(await versions()).toEqual(Array(2).fill('good'));
  });

  test('scaling to 4 and back to 2 drops nothing', async () => {
    const { result: run } = await undisturbed(() => space.run(['scale', 'app=4']));
    expect([run.status, await replicas()]).toEqual([0, ['app-1', 'app-2', 'app-3', 'app-4']]);
    const { result: back } = await undisturbed(() => space.run(['scale', 'app=2']));
    expect([back.status, await replicas()]).toEqual([0, ['app-1', 'app-2']]);
    const again = await space.run(['scale', 'app=2']);
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('app has 2 replicas already: nothing was changed.')]);
    const json = parsed(await space.run(['scale', 'app=2', '--json']));
    expect(json).toMatchObject({ service: 'app', before: 2, replicas: 2, result: 'unchanged' });
  });

  test.each([
    ['drained', /drain/i],
    ['started', /app-2/],
  ])('a deploy that is killed while a replica is being %s is told by the next command, and finished or reverted', async (_what, word) => {
    const { result: next } = await undisturbed(async () => {
      let killed = false;
      await space.run(['deploy', '--image', badApp('good-2'), '--verbose'], {
        onSpawn: (child) => {
          let seen = '';
          child.stderr?.on('data', (chunk: Buffer) => {
            seen += chunk;
            if (!killed && word.test(seen)) killed = child.kill('SIGKILL');
          });
        },
      });
      expect(killed).toBe(true);
      const status = await space.run(['status']);
      expect(said(status)).toMatch(/deploy/);
      return space.run(['up']);
    });
    expect(next.status).toBe(0);
    expect(await versions()).toEqual(Array(2).fill('good'));
  });

  test('of two deploys at once the second is told who is at work', async () => {
    let second: Promise<Run> | undefined;
    const { result: first } = await undisturbed(() =>
      space.run(['deploy', '--image', badApp('good-2'), '--verbose'], {
        onSpawn: (child) => {
          child.stderr?.on('data', (chunk: Buffer) => {
            if (String(chunk).includes('app-1')) second ??= space.run(['deploy', '--image', badApp('exits'), '--json']);
          });
        },
      }),
    );
    expect(first.status).toBe(0);
    const refused = await (second as Promise<Run>);
    expect(refused.status).toBe(1);
    expect(parsed<JsonError>(refused).error).toMatchObject({ code: 'LOCKED', message: expect.stringContaining('deploy') });
    expect(await versions()).toEqual(Array(2).fill('good-2'));
  });
});

describe('refused before anything changes', () => {
  test('a rollback to a release whose image was removed by hand, with the name that protects it from pruning', async () => {
    const before = await identities(space.project);
    const { stdout: id } = await docker(['image', 'inspect', '--format', '{{.Id}}', badApp('good')]);
    expect((await docker(['rmi', '--force', id.trim()])).status).toBe(0);
    const rollback = await space.run(['rollback', '--json']);
    expect(rollback.status).toBe(1);
    expect(parsed<JsonError>(rollback).error.message).toContain(badApp('good'));
    expect(await identities(space.project)).toEqual(before);
  });

  test.each([
    ['no replicas', 'app=0'],
    ['more than any installation has', 'app=1001'],
    ['what is no number', 'app=many'],
    ['a service that cannot', 'postgres=2'],
  ])('scaling to %s', async (_what, wanted) => {
    const before = await identities(space.project);
    const scale = await space.run(['scale', wanted, '--json']);
    expect(scale.status).toBe(2);
    expect(parsed<JsonError>(scale).error.hint).not.toBe('');
    expect(await identities(space.project)).toEqual(before);
  });
});
