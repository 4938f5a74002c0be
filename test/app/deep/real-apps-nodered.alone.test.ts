import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadOn, under } from '../../support/load/load.ts';
import { npmImage, PATIENT, type RealStack, realStack, upgraded } from '../../support/real-apps/real-apps.ts';
import { parsed, portal, until } from '../../support/stack.ts';

/** Node-RED: flows in a volume, one container at a time, no database and no cache. A flow holds JavaScript, which looks like an attack. */
let stack: RealStack;
let images: { one: string; two: string };

const FLOWS = [
  { id: 'tab', type: 'tab', label: 'kept' },
  { id: 'in', type: 'http in', z: 'tab', url: '/hello', method: 'get', wires: [['fn']] },
  {
    ...{ id: 'fn', type: 'function', z: 'tab', outputs: 1, wires: [['out']] },
    func: 'const list = ["<b>", "a"].map((x) => x.length);\nmsg.payload = eval("1+1") + list[0] + typeof process;\nreturn msg;',
  },
  { id: 'out', type: 'http response', z: 'tab', statusCode: '200', wires: [] },
];

const send = (url: string, method = 'GET', body?: unknown) => {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = { connection: 'close', ...(payload && { 'content-type': 'application/json', 'content-length': payload.length }) };
  return portal(stack.space, url, { method, headers, body: payload });
};
const labels = async () => (JSON.parse((await send('/flows')).body) as { label?: string }[]).flatMap(({ label }) => label ?? []);

beforeAll(async () => {
  images = {
    one: await npmImage('node-red', 'node-red', 'one'),
    two: await npmImage('node-red', 'node-red', 'two'),
  };
  stack = await realStack('nodered', images.one, ['/', '/red/red.min.js', '/settings']);
  await stack.must('up');
}, 500_000);
afterAll(() => stack?.destroy());

test('is up by the settings of the document alone, and flows with JavaScript pass the firewall', async () => {
  const saved = await send('/flows', 'POST', FLOWS);
  expect([saved.status, saved.body]).toEqual([204, '']);
  await until('the flow answers', async () => (await send('/hello')).body === '5undefined', 20);
  expect(await upgraded(stack.space, '/comms')).toBe(101);
  await stack.settled();
});

test('is deployed and rolled back with the maintenance page and nothing else, and keeps its flows', PATIENT, async () => {
  const { report } = await under(await loadOn(stack.space, { rate: 50, paths: ['/', '/settings'], postEvery: 0 }), async () => {
    const { outageSeconds } = parsed<{ outageSeconds: number }>(await stack.must('deploy', '--image', images.two, '--json'));
    expect([await stack.releases(), outageSeconds < 30]).toEqual([['two'], true]);
    await stack.must('rollback');
  });
  expect(await stack.releases()).toEqual(['one']);
  expect([...new Set(report.failures.map(({ reason }) => reason))]).toEqual(['503']);
  expect(await labels()).toEqual(['kept']);
});

test('is given other certificates without a failed request', async () => {
  await stack.undisturbed(() => stack.must('certs', 'renew', '--force'), true);
});

test('has flows that were lost back from a backup', PATIENT, async () => {
  const { id } = parsed<{ id: string }>(await stack.must('backup', '--json'));
  await send('/flows', 'POST', []);
  expect(await labels()).toEqual([]);
  await stack.must('restore', id, '--only', 'files', '--yes');
  await until('it serves', async () => (await send('/settings')).status === 200, 60);
  expect(await labels()).toEqual(['kept']);
  expect((await send('/hello')).body).toBe('5undefined');
});
