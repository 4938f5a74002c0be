import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspect, said } from '../../support/load/load-stack.ts';
import { npmImage, PATIENT, type RealStack, realStack, upgraded } from '../../support/real-apps/real-apps.ts';
import { parsed, portal, until } from '../../support/stack.ts';

/** Pages, an API with Socket.IO and workers of BullMQ: three processes of one image, as portals have them. */
let stack: RealStack;
let images: { one: string; two: string };

interface Done {
  id: string;
  release: string;
}

const send = (url: string, method = 'GET', body?: string, cookie?: string) => {
  const headers = { connection: 'close', ...(cookie && { cookie }), ...(body && { 'content-type': 'text/plain;charset=UTF-8' }) };
  return portal(stack.space, url, {
    method,
    headers: { ...headers, ...(body && { 'content-length': body.length }) },
    ...(body && { body: Buffer.from(body) }),
  });
};
const queue = async (id: string, seconds = 0) => expect((await send(`/api/jobs?id=${id}&seconds=${seconds}`, 'POST')).status).toBe(202);
const done = async () => JSON.parse((await send('/api/done')).body) as Done[];
/** Queues a job, and waits until a worker has it in hand. */
const inHand = async (id: string, seconds: number): Promise<void> => {
  await queue(id, seconds);
  await until(`a worker has ${id}`, async () => said(await stack.space.run(['logs', 'worker'])).includes(`has job ${id} in hand`), 20);
};

/** Socket.IO as a browser begins it: requests of polling, each on a connection of its own (Engine.IO protocol 4). */
async function polled(text: string): Promise<string> {
  const base = '/socket.io/?EIO=4&transport=polling';
  const open = await send(base);
  const { sid } = JSON.parse(open.body.slice(1)) as { sid: string };
  const cookie = (open.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  const next = (body?: string) => send(`${base}&sid=${sid}`, body ? 'POST' : 'GET', body, cookie);
  await next('40');
  // The answer to the connect packet, and the greeting.
  let heard = (await next()).body;
  await next(`420["ask",${JSON.stringify(text)}]`);
  for (let i = 0; i < 3 && !heard.includes('430['); i++) heard += (await next()).body;
  return /430\["(.*?)"\]/.exec(heard)?.[1] ?? heard;
}

beforeAll(async () => {
  images = { one: await npmImage('bullmq', 'bullmq', 'one'), two: await npmImage('bullmq', 'bullmq', 'two') };
  stack = await realStack('bullmq', images.one, ['/', '/api/version']);
  await stack.must('up');
}, 500_000);
afterAll(() => stack?.destroy());

test('is up by the settings of the document alone, and Socket.IO stays with one replica while it polls', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => polled(`call ${index}`)));
  expect(answers.map((answer) => answer.replace(/backend-\d$/, 'R'))).toEqual(answers.map((_, index) => `call ${index} by R`));
  expect(new Set(answers.map((answer) => answer.slice(-1))).size).toBe(2);
  expect(await upgraded(stack.space, '/socket.io/?EIO=4&transport=websocket')).toBe(101);
  await queue('first');
  await until('the job is done', async () => (await done()).length === 1, 20);
  await stack.settled();
});

test('is deployed, scaled and rolled back without a failed request, and each job is done once', PATIENT, async () => {
  await inHand('long', 15);
  await stack.undisturbed(async () => {
    await stack.must('deploy', '--image', images.two);
    for (let i = 0; i < 20; i++) await queue(`a${i}`);
    await stack.must('scale', 'backend=3');
    await stack.must('scale', 'worker=2');
    await inHand('while it goes back', 10);
    await stack.must('rollback');
  });
  await until('every job is done', async () => (await done()).length === 23, 30);
  const jobs = await done();
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(23);
  expect(jobs.filter(({ id }) => ['long', 'while it goes back'].includes(id))).toEqual([
    { id: 'long', release: 'one' },
    { id: 'while it goes back', release: 'two' },
  ]);
  expect(await inspect(stack.space, 'worker-1', '{{index .Config.Labels "release"}}')).toBe('one');
});

test('is given other certificates under load, and waits for the cache’s next leader without losing a job', async () => {
  await stack.undisturbed(() => stack.must('certs', 'renew', '--force'), true);
  await queue('before');
  await stack.must('restart', 'cache-1');
  await queue('behind');
  await until('both are done', async () => (await done()).length === 25, 40);
});

test('has jobs that were lost back from a backup', PATIENT, async () => {
  const { id } = parsed<{ id: string }>(await stack.must('backup', '--json'));
  await stack.must('exec', 'postgres', 'psql', '-U', 'postgres', '-d', 'medianest', '-c', 'DELETE FROM done');
  expect(await done()).toEqual([]);
  await stack.must('restore', id, '--yes');
  expect(await done()).toHaveLength(25);
  await queue('after');
  await until('workers go on', async () => (await done()).length === 26, 30);
});
