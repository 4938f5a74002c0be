import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { capabilities } from '../../../src/capabilities.ts';
import type { Context } from '../../../src/capability/capability.ts';
import { writeAtomic } from '../../../src/core/files.ts';
import { silent } from '../../../src/core/reporter.ts';
import { confirmRelease } from '../../../src/deploy/confirm.ts';
import { keptRelease, noteKept } from '../../../src/state/kept.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { runningContainer } from '../../support/plan-facts.ts';
import { load } from '../../support/settings.ts';
import { removeTemporaryFolders, temporaryFolder } from '../../support/temporary.ts';

afterAll(removeTemporaryFolders);

const SINCE = Date.parse('2026-11-30T12:00:00Z');
const SERVING = ['balancer', 'app-6', 'app-7'];

/** A blue-green deploy of a minute ago: `app-1` and `app-2` are of the release before. */
function deployed() {
  const state = new StateFolder(path.join(temporaryFolder('confirm'), 'state'));
  state.open();
  const services = SERVING.map((name) => ({ name, component: name.replace(/-\d$/, '') }));
  writeAtomic(state.at('current/manifest.json'), JSON.stringify({ version: 1, id: 'x', services, configs: {}, files: [] }));
  const rolling = { balancer: 'balancer' } as never;
  noteKept(state, {
    release: 'r1',
    replicas: ['app-1', 'app-2'].map((service) => ({ service, rolling })),
    overrides: {},
    since: new Date(SINCE).toISOString(),
    until: new Date(SINCE + 60_000).toISOString(),
  });
  const { settings } = load({ file: 'app: { strategy: blue-green, keepSeconds: 60 }', flags: { profile: 'prod' } });
  const there = new Set([...SERVING, 'app-1', 'app-2']);
  const host = { now: SINCE, away: false };
  const engine = {
    observe: async () =>
      [...there].map((name) => runningContainer(name, 'x', { project: settings.project, stateFolder: state.root, id: name })),
    stopContainer: async (id: string) => {
      if (host.away) throw new Error('the engine does not answer');
      there.delete(id);
    },
  };
  const context = {
    ...{ capabilities: async () => capabilities, engine: async () => engine, docker: async () => ({}), report: silent },
    clock: { now: () => new Date(host.now) },
    signal: new AbortController().signal,
    flags: { waitLock: 0 },
  } as unknown as Context;
  const project = { loaded: { settings } as never, state };
  const confirm = () => confirmRelease(context, project, true);
  return { there, host, confirm, kept: () => keptRelease(state, new Date(0))?.release };
}

it('removes the release before once its time has passed, and what serves stays', async () => {
  const { there, host, confirm, kept } = deployed();
  expect(await confirm()).toEqual({ gaveUp: null, removed: [] });
  expect(there.size).toBe(5);
  host.now += 60_000;
  expect(await confirm()).toEqual({ gaveUp: 'r1', removed: ['app-1', 'app-2'] });
  expect([[...there], kept()]).toEqual([SERVING, undefined]);
  expect(await confirm()).toEqual({ gaveUp: null, removed: [] });
});

it('removes it a minute later where the engine was away', async () => {
  const { there, host, confirm, kept } = deployed();
  host.now += 60_000;
  host.away = true;
  await expect(confirm()).rejects.toThrow('the engine does not answer');
  expect([there.size, kept()]).toEqual([5, 'r1']);
  host.away = false;
  host.now += 60_000;
  expect(await confirm()).toMatchObject({ gaveUp: 'r1' });
  expect([...there]).toEqual(SERVING);
});
