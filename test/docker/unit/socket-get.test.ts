import net from 'node:net';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { getJson } from '../../../src/docker/socket-get.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const dir = temporaryFolder('socket');
const open: net.Server[] = [];
afterAll(() => {
  for (const server of open) server.close();
});

/** A server at a socket of its own that says what the request asks for, and hangs up. */
async function says(answer: (request: string) => string): Promise<string> {
  const file = path.join(dir, `${open.length}.sock`);
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (request) => socket.end(answer(String(request))));
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(file, resolve));
  return file;
}

const ask = async (answer: string) => getJson(await says(() => answer), '/containers/json');

describe('an answer of the engine', () => {
  it.each([
    ['with its length', 'HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n{"a":"\u00fc"}\n'],
    ['that ends with the connection', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"a":"\u00fc"}\n'],
    [
      'in chunks, which was not asked for',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n6\r\n:"\u00fc"}\r\n0\r\n\r\n',
    ],
  ])('%s is read', async (_case, answer) => {
    expect(await ask(answer)).toEqual({ a: '\u00fc' });
  });
  it('of a proxy that knows no HTTP/1.0 is asked for once more', async () => {
    const file = await says((request) =>
      request.includes('HTTP/1.0')
        ? 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n'
        : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]',
    );
    expect(await getJson(file, '/containers/json')).toEqual([]);
  });
  it('with another status is an error with both', async () => {
    const answer = ask('HTTP/1.1 500 Internal Server Error\r\n\r\n{"message":"no space left"}');
    await expect(answer).rejects.toMatchObject({ statusCode: 500, json: { message: 'no space left' } });
  });
  it.each([
    ['before its head', ''],
    ['within its head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"a":1}'],
    ['within its chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"a":1}'],
  ])('that ends %s is none', async (_case, answer) => {
    await expect(ask(answer)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
  it('of which the end is missing without a length is none', async () => {
    await expect(ask('HTTP/1.1 200 OK\r\n\r\n[{"Id":"1"},')).rejects.toThrow(SyntaxError);
  });
  it('is none where nothing listens', async () => {
    await expect(getJson(path.join(dir, 'none.sock'), '/containers/json')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
