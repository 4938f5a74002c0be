import http from 'node:http';
import net from 'node:net';

/**
 * One GET at the engine's socket, as HTTP/1.0 (RFC 1945), whose answer ends with the connection: to load Node.js' HTTP client takes
 * longer than the engine takes to answer. What answers in chunks all the same, or refuses, is asked once more by that client: a proxy in
 * front of the engine may know no HTTP/1.0.
 * @returns the answer's JSON
 * @throws an error with `statusCode` and `json` for any status but 200, with `code` where the connection fails or ends too early
 */
export async function getJson<T>(socketPath: string, path: string): Promise<T> {
  const { status, body } = plainAnswer(await bytesOf(socketPath, path)) ?? (await byClient(socketPath, path));
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (status !== 200) throw Object.assign(new Error(`status ${status}`), { json: value, statusCode: status });
  return value as T;
}

interface Answer {
  status: number;
  body: Buffer;
}

function bytesOf(path: string, target: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = net.connect({ path });
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.once('error', reject);
    socket.once('end', () => resolve(Buffer.concat(parts)));
    socket.write(`GET ${target} HTTP/1.0\r\nHost: docker\r\nConnection: close\r\n\r\n`);
  });
}

/** @returns undefined for an answer in chunks, or with another status than 200. @throws where a part is missing */
function plainAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, Math.max(0, end));
  const [, status] = /^HTTP\/1\.[01] (\d{3})\b/.exec(head) ?? [];
  if (status === undefined) throw endedEarly();
  if (status !== '200' || /^transfer-encoding:/im.test(head)) return undefined;
  const body = bytes.subarray(end + 4);
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? [];
  if (length !== undefined && body.length < Number(length)) throw endedEarly();
  return { status: 200, body };
}

const endedEarly = () => Object.assign(new Error('the connection ended before the answer'), { code: 'ECONNRESET' });

function byClient(socketPath: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    request.on('error', reject);
  });
}
