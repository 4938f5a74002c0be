import { afterAll, beforeAll, expect, test } from 'vitest';
import { npmImage, PATIENT, type RealStack, realStack, upgraded } from '../../support/real-apps/real-apps.ts';
import { parsed, portal } from '../../support/stack.ts';

/** Directus: an API and its pages, uploads, WebSockets, and migrations of its own between two releases. */
let stack: RealStack;
let images: { old: string; fresh: string };
let token = '';

const send = async (url: string, method: string, body?: Buffer | unknown, type = 'application/json') => {
  const payload = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const headers = {
    connection: 'close',
    ...(token && { authorization: `Bearer ${token}` }),
    ...(payload && { 'content-type': type, 'content-length': payload.length }),
  };
  return portal(stack.space, url, { method, headers, body: payload });
};
const call = async <T>(url: string, method = 'GET', body?: Buffer | unknown, type?: string): Promise<T> => {
  const answer = await send(url, method, body, type);
  expect([200, 204], `${method} ${url}: ${answer.status} ${answer.body}`).toContain(answer.status);
  return (answer.body ? (JSON.parse(answer.body) as { data: T }).data : undefined) as T;
};
/** Tokens end with the secret's turn, not with a container: each test signs in by itself. */
const signIn = async () => {
  token = '';
  const password = stack.secret('ADMIN_PASSWORD');
  token = (await call<{ access_token: string }>('/auth/login', 'POST', { email: 'admin@example.org', password })).access_token;
};
const titles = async () => (await call<{ title: string }[]>('/items/films?sort=title')).map(({ title }) => title);
const upload = (name: string, text: string) => {
  const head = `--b\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: text/plain\r\n\r\n`;
  return call<{ id: string }>('/files', 'POST', Buffer.from(`${head}${text}\r\n--b--\r\n`), 'multipart/form-data; boundary=b');
};

beforeAll(async () => {
  images = {
    old: await npmImage('directus', 'directus-old', '11.14.1'),
    fresh: await npmImage('directus', 'directus', '11.17.4'),
  };
  stack = await realStack('directus', images.old, ['/server/ping', '/admin', '/server/info']);
  await stack.must('up');
}, 500_000);
afterAll(() => stack?.destroy());

test('is up by the settings of the document alone, and its API, uploads and WebSocket pass the edge', async () => {
  await signIn();
  const field = { field: 'title', type: 'string', schema: {}, meta: {} };
  await call('/collections', 'POST', { collection: 'films', schema: {}, meta: {}, fields: [field] });
  const { id } = await call<{ id: number }>('/items/films', 'POST', { title: "Ocean's <b>Eleven</b>" });
  await call(`/items/films/${id}`, 'PATCH', { title: "Ocean's Eleven" });
  const { id: other } = await call<{ id: number }>('/items/films', 'POST', { title: 'Heat' });
  await call(`/items/films/${other}`, 'DELETE');
  expect(await titles()).toEqual(["Ocean's Eleven"]);
  const filter = encodeURIComponent(JSON.stringify({ _and: [{ title: { _contains: 'Ocean' } }] }));
  expect(await call<unknown[]>(`/items/films?filter=${filter}&fields[]=title&sort[]=-title`)).toHaveLength(1);
  expect(await upgraded(stack.space, '/websocket')).toBe(101);
  expect((await portal(stack.space, '/admin/')).status).toBe(200);
  await stack.settled();
});

test('is deployed with its migrations, scaled and rolled back without a failed request', PATIENT, async () => {
  const file = await upload('note.txt', 'of the first replica');
  await stack.undisturbed(async () => {
    await stack.must('deploy', '--image', images.fresh);
    expect(await stack.releases()).toEqual(['11.17.4', '11.17.4']);
    await stack.must('scale', 'app=3');
    await stack.must('rollback');
    await stack.must('scale', 'app=2');
  });
  expect(await stack.releases()).toEqual(['11.14.1', '11.14.1']);
  await signIn();
  const answers = await Promise.all(Array.from({ length: 6 }, () => send(`/assets/${file.id}`, 'GET')));
  expect(answers.map(({ body }) => body)).toEqual(Array(6).fill('of the first replica'));
});

test('is given other certificates without a failed request', async () => {
  await stack.undisturbed(() => stack.must('certs', 'renew', '--force'), true);
});

test('has items and files that were lost back from a backup', PATIENT, async () => {
  await signIn();
  const { id } = await upload('kept.txt', 'kept');
  const backup = parsed<{ id: string }>(await stack.must('backup', '--json'));
  const [film] = await call<{ id: number }[]>('/items/films');
  await call(`/items/films/${film?.id}`, 'DELETE');
  await call(`/files/${id}`, 'DELETE');
  expect([await titles(), (await send(`/assets/${id}`, 'GET')).status]).toEqual([[], 403]);
  await stack.must('restore', backup.id, '--yes');
  await signIn();
  expect([await titles(), (await send(`/assets/${id}`, 'GET')).body]).toEqual([["Ocean's Eleven"], 'kept']);
});
