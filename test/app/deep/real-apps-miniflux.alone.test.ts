import { afterAll, beforeAll, expect, test } from 'vitest';
import { minifluxImage, PATIENT, type RealStack, realStack } from '../../support/real-apps/real-apps.ts';
import { parsed, portal } from '../../support/stack.ts';

/** Miniflux: a program of Go in an image without a shell; between its two versions a migration removes a table that the older one needs. */
let stack: RealStack;
const KEPT = "Kept: Tom's & Jerry";
let images: { old: string; again: string; fresh: string };

const call = async <T>(url: string, method = 'GET', body?: unknown): Promise<T> => {
  const authorization = `Basic ${Buffer.from(`admin:${stack.secret('ADMIN_PASSWORD')}`).toString('base64')}`;
  const headers = {
    ...{ authorization, connection: 'close' },
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(JSON.stringify(body)) }),
  };
  const answer = await portal(stack.space, `/v1${url}`, { method, headers, body });
  expect([200, 201, 204], `${method} ${url}: ${answer.status} ${answer.body}`).toContain(answer.status);
  return (answer.body ? JSON.parse(answer.body) : undefined) as T;
};
const categories = async () => (await call<{ title: string }[]>('/categories')).map(({ title }) => title).sort();
const page = async () => (await portal(stack.space, '/')).status;

beforeAll(async () => {
  images = {
    old: await minifluxImage('trixie', '2.2.6'),
    again: await minifluxImage('trixie', '2.2.6, once more'),
    fresh: await minifluxImage('forky', '2.3.3'),
  };
  stack = await realStack('miniflux', images.old, ['/', '/healthcheck', '/favicon.ico']);
  await stack.must('up');
}, 500_000);
afterAll(() => stack?.destroy());

test('is up by the settings of the document alone, and its API is called past the firewall', async () => {
  await call('/categories', 'POST', { title: KEPT });
  expect(await categories()).toEqual(['All', KEPT]);
  expect(await stack.releases()).toEqual(['2.2.6', '2.2.6']);
  await stack.settled();
});

test('is deployed, scaled and rolled back without a failed request', PATIENT, async () => {
  await stack.undisturbed(async () => {
    await stack.must('deploy', '--image', images.again);
    expect(await stack.releases()).toEqual(['2.2.6, once more', '2.2.6, once more']);
    await stack.must('scale', 'app=3');
    await stack.must('rollback');
    await stack.must('scale', 'app=2');
  });
  expect(await stack.releases()).toEqual(['2.2.6', '2.2.6']);
});

test('is given other certificates without a failed request', async () => {
  await stack.undisturbed(() => stack.must('certs', 'renew', '--force'), true);
});

test('has what was lost back from a backup', PATIENT, async () => {
  const { id } = parsed<{ id: string }>(await stack.must('backup', '--json'));
  const list = await call<{ id: number; title: string }[]>('/categories');
  await call(`/categories/${list.find(({ title }) => title.startsWith('Kept'))?.id}`, 'DELETE');
  expect(await categories()).toEqual(['All']);
  await stack.must('restore', id, '--only', 'db', '--yes');
  expect(await categories()).toEqual(['All', KEPT]);
});

test('takes a version with a migration that the old one does not survive', PATIENT, async () => {
  stack.configure({ strategy: 'recreate' });
  await stack.must('deploy', '--image', images.fresh);
  expect([await stack.releases(), await page(), await categories()]).toEqual([['2.3.3', '2.3.3'], 200, ['All', KEPT]]);
});

test('comes back with the database as it was before, by the command that the rollback names', PATIENT, async () => {
  const back = parsed<{ migratedSince: { command: string } }>(await stack.must('rollback', '--json'));
  expect([await stack.releases(), await page()]).toEqual([['2.2.6', '2.2.6'], 500]);
  await stack.must(...back.migratedSince.command.split(' ').slice(1), '--yes');
  expect([await page(), await categories()]).toEqual([200, ['All', KEPT]]);
});
