import { readFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { callMember } from '../../../src/agent/member-client.ts';
import { toldBy } from '../../../src/agent/plan/silence.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';

/** A server on loopback, and its port. */
async function listening(server: net.Server): Promise<number> {
  onTestFinished(() => {
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The error of a request that must fail. */
const failed = (port: number, options: https.RequestOptions = {}): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const request = https.get({ host: '127.0.0.1', port, ...options }, () => reject(new Error('it was answered')));
    request.on('error', resolve);
  });

async function certificate() {
  const ca = internalCa({ load: () => undefined, save: () => {} }, 'test');
  const own = await ca.issue({ name: 'member', subjects: ['127.0.0.1'], issuer: 'internal-ca', days: 1 }, new Date());
  return { cert: own.certificate + own.chain, key: own.privateKey, ca: own.root as string };
}

describe('a request that failed tells', () => {
  it('of one that is silent: nothing listens, or the connection ends without a word', async () => {
    const closed = net.createServer();
    const port = await listening(closed);
    await new Promise((resolve) => closed.close(resolve));
    expect(toldBy(await failed(port))).toBe('silent');
    expect(toldBy(await failed(await listening(net.createServer((socket) => socket.destroy()))))).toBe('silent');
  });

  it('of one that is silent: it hangs, and the kernel alone takes the connection', async () => {
    const port = await listening(net.createServer({ pauseOnConnect: true }, (socket) => onTestFinished(() => void socket.destroy())));
    const peer = { service: 'postgres-1', address: '127.0.0.1' };
    const asked = callMember(peer, port, { method: 'GET', path: '/liveness', timeout: 200 }, new https.Agent());
    const error = await asked.catch((why: unknown) => why);
    expect(error).toMatchObject({ message: 'postgres-1 did not answer in 0.2 s' });
    expect(toldBy(error)).toBe('silent');
  });

  it('nothing of a connection that its member had closed: a question, and no order, is asked again', async () => {
    const { cert, key, ca } = await certificate();
    const served = new WeakSet<object>();
    const server = https.createServer({ cert, key }, ({ socket }, response) => {
      if (served.has(socket)) socket.destroy();
      else response.end('well');
      served.add(socket);
    });
    const port = await listening(server);
    const agent = new https.Agent({ keepAlive: true, ca, checkServerIdentity: () => undefined });
    onTestFinished(() => agent.destroy());
    const asked = (method: string) =>
      callMember({ service: 'member', address: '127.0.0.1' }, port, { method, path: '/', timeout: 2000 }, agent);
    expect([await asked('GET'), await asked('GET')]).toEqual([1, 2].map(() => ({ status: 200, body: 'well' })));
    await expect(asked('POST')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('of one that runs: its certificate is not accepted, it wants another one, or it speaks no TLS', async () => {
    const { cert, key, ca } = await certificate();
    const server = await listening(tls.createServer({ cert, key }));
    expect(toldBy(await failed(server))).toBe('speaks');
    const strict = tls.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' });
    expect(toldBy(await failed(await listening(strict), { ca, servername: '' }))).toBe('speaks');
    const plain = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(toldBy(await failed(await listening(plain)))).toBe('speaks');
  });

  it('nothing of one that changes the protocol, which is not waited for', async () => {
    const { cert, key } = await certificate();
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
    const port = await listening(tls.createServer({ cert, key }, (socket) => socket.on('error', () => {}).write(switching)));
    const agent = new https.Agent({ rejectUnauthorized: false });
    const asked = callMember({ service: 'postgres-1', address: '127.0.0.1' }, port, { method: 'GET', path: '/', timeout: 2000 }, agent);
    const error = await asked.catch((why: unknown) => why);
    expect(error).toMatchObject({ message: 'postgres-1 closed the connection without an answer' });
    expect(toldBy(error)).toBeUndefined();
  });

  it('nothing, if the fault is on this side', () => {
    expect(() => readFileSync('/run/none/privkey.pem')).toThrow();
    for (const fault of [
      () => readFileSync('/run/none/privkey.pem'),
      () => tls.createSecureContext({ key: 'no key' }),
      () => JSON.parse(''),
    ]) {
      let told: string | undefined = 'no error';
      try {
        fault();
      } catch (error) {
        told = toldBy(error);
      }
      expect(told).toBeUndefined();
    }
  });
});
