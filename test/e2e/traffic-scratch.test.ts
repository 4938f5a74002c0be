import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../support/cli.ts';
import { checkWrites, loadOn, under } from '../support/load.ts';
import { buildBadApps, badApp } from '../support/bad-apps.ts';
import { type Workspace, workspace } from '../support/workspace.ts';
import { portal, ready } from './support.ts';
let space: Workspace;
beforeAll(async () => {
  space = await workspace('scratch');
  space.configure({ profile: 'dev-compose', app: { image: badApp('good'), logLevel: 'info' } });
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  await ready(portal, space);
}, 100000);
afterAll(() => space.destroy());
test('counts', async () => {
  const load = await loadOn(space, { rate: 300, slowPath: '/fault/slow?seconds=2' });
  const { report } = await under(load, () => sleep(10_000));
  const { acknowledged, failures, ...rest } = report;
  console.log(rest, failures.slice(0, 5), Object.keys(acknowledged).length);
  const w = await checkWrites(space, report);
  console.log(w);
  const log = await docker(['logs', `${space.project}-edge-1`]);
  console.log('edge lines', log.stdout.split('\n').filter((l) => l.includes('"path"') && !l.includes('ready')).length);
}, 100000);
test('kill', async () => {
  const load = await loadOn(space, { rate: 300 });
  const { report } = await under(load, async () => {
    await sleep(1000);
    await docker(['restart', '--signal', 'KILL', `${space.project}-app-1-1`]);
    await sleep(4000);
  });
  const { acknowledged, failures, ...rest } = report;
  console.log(rest, failures.slice(0, 5), failures.length);
  console.log(await checkWrites(space, report));
}, 100000);
