import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkWrites, kinds, loadOn, under } from '../../support/load/load.ts';
import { destroyProd, inspect, prodStack, uploadTo } from '../../support/load/load-stack.ts';
import { containers, identities } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

const MIB = 1024 ** 2;
const QUOTA = 64;
const MINUTES = 10;

let space: Workspace;

beforeAll(async () => {
  space = await prodStack(
    'uploads-load',
    { replicas: 2, uploadLimit: '8m', uploadQuota: `${QUOTA}m`, uploadClientQuota: '10g' },
    { edge: { waf: { mode: 'block' } } },
  );
});
afterAll(() => destroyProd(space));

const upload = (bytes: number): Promise<string> =>
  uploadTo(space, bytes).then(
    ({ status }) => String(status),
    (error: Error) => error.message,
  );

test('ten minutes of reads, writes and uploads beyond the quota: the rest is served, nothing restarts, no write is lost', {
  timeout: 900_000,
}, async () => {
  const before = await identities(space.project);
  const uploads: Record<string, number> = {};
  const { report } = await under(await loadOn(space), async () => {
    const end = Date.now() + MINUTES * 60_000;
    while (Date.now() < end) {
      const status = await upload(MIB);
      uploads[status] = (uploads[status] ?? 0) + 1;
      await sleep(1000);
    }
  });
  console.info(JSON.stringify({ sent: report.sent, seconds: report.seconds, p99: report.get.p99, uploads }));
  expect(kinds(report.failures)).toEqual({});
  expect(report.sent).toBeGreaterThan(MINUTES * 60 * 95);
  // The quota is full after a minute, and stays so.
  expect(Object.keys(uploads).sort()).toEqual(['201', '507']);
  expect(uploads['201']).toBeGreaterThan(QUOTA - 8);
  expect(uploads['201']).toBeLessThanOrEqual(QUOTA);
  expect(await identities(space.project)).toEqual(before);
  for (const { service } of await containers(space.project))
    expect([service, await inspect(space, service, '{{.RestartCount}} {{.State.OOMKilled}}')]).toEqual([service, '0 false']);
  expect(await checkWrites(space, report)).toMatchObject({ lost: [], doubled: [] });
});
