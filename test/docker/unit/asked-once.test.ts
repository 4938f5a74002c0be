import net from 'node:net';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connectEngine } from '../../../src/docker/docker.ts';
import { readOnce } from '../../../src/docker/read-once.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const dir = temporaryFolder('asked');
const open: net.Server[] = [];
afterAll(() => {
  for (const server of open) server.close();
});

/** An engine at a socket of its own. @returns what it was asked, and how to ask it */
async function answering(answers: Readonly<Record<string, [status: number, body: unknown]>>) {
  const asked: string[] = [];
  const file = path.join(dir, `${open.length}.sock`);
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (request) => {
      const target = String(request).split(' ')[1] as string;
      asked.push(target);
      const [status, body] = answers[target] ?? [404, { message: 'no such thing' }];
      const text = JSON.stringify(body);
      socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`);
    });
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(file, resolve));
  return { asked, engine: connectEngine({ DOCKER_HOST: `unix://${file}` }) };
}

const IMAGE = { Id: 'sha256:1', RepoDigests: null, RootFS: { Layers: ['sha256:2'] }, Architecture: 'amd64', Config: { Cmd: ['a'] } };

describe('an image', () => {
  it('that the engine has is described, and one that it lacks is missing', async () => {
    const { engine } = await answering({ '/images/medianest/edge:1/json': [200, IMAGE] });
    expect(await engine.image('medianest/edge:1')).toEqual({ id: 'sha256:1', digests: [], layers: ['sha256:2'] });
    expect(await engine.imageStart('medianest/edge:1')).toEqual({
      entrypoint: [],
      command: ['a'],
      checksHealth: false,
      architecture: 'amd64',
    });
    expect([await engine.image('b:2'), await engine.imageStart('b:2')]).toEqual([undefined, undefined]);
    expect(await engine.missingImages(['medianest/edge:1', 'b:2'])).toEqual(['b:2']);
  });
  it('of which the engine cannot tell is not missing', async () => {
    const { engine } = await answering({ '/images/a:1/json': [500, { message: 'layer does not exist' }] });
    await expect(engine.image('a:1')).rejects.toThrow(/layer does not exist/);
    await expect(engine.missingImages(['a:1'])).rejects.toThrow(/layer does not exist/);
  });
});

it('a plan asks once for what several of its parts read, and shares a failure too', async () => {
  const { asked, engine } = await answering({
    '/version': [200, { Version: '28.0.0', Arch: 'amd64' }],
    '/info': [200, { MemTotal: 1 }],
    '/networks': [500, { message: 'no' }],
    '/volumes': [200, { Volumes: null }],
  });
  const once = readOnce(engine);
  expect(await Promise.all([once.info(), once.info()])).toMatchObject([{ isolates: true }, { memoryBytes: 1 }]);
  expect([await once.volumes(), await once.volumes()]).toEqual([[], []]);
  expect(asked.toSorted()).toEqual(['/info', '/version', '/volumes']);
  await expect(once.networks()).rejects.toThrow();
  await expect(once.networks()).rejects.toThrow();
  // Once more by Node.js' client, which reads any answer.
  expect(asked.filter((target) => target === '/networks')).toHaveLength(2);
});
