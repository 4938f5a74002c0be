import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { askListeners } from '../../../src/certificates/store/listeners.ts';
import type { Engine, ObservedContainer } from '../../../src/docker/types.ts';
import type { CertificateSpec, Listener, Stack } from '../../../src/stack/types.ts';
import { run } from '../../support/cli.ts';

const spec: CertificateSpec = { name: 'one', subjects: ['one', '127.0.0.1'], issuer: 'internal-ca', days: 2 };
let serial: string;
const servers: net.Server[] = [];
const ports: Record<string, number> = {};

async function listening(name: string, server: net.Server): Promise<void> {
  server.on('error', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  ports[name] = (server.address() as net.AddressInfo).port;
}

beforeAll(async () => {
  const issued = await internalCa({ load: () => undefined, save: () => {} }, 'test').issue(spec, new Date());
  serial = new X509Certificate(issued.certificate).serialNumber;
  const pair = { cert: issued.certificate + issued.chain, key: issued.privateKey };
  await listening('tls', tls.createServer(pair));
  // Who has no certificate is refused, after the server’s own was shown.
  await listening('mutual', tls.createServer({ ...pair, requestCert: true, rejectUnauthorized: true, ca: issued.chain }));
  // As PostgreSQL: TLS begins when it is asked for.
  await listening(
    'postgres',
    net.createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          socket.write('S');
          new tls.TLSSocket(socket, { isServer: true, secureContext: tls.createSecureContext(pair) }).on('error', () => undefined);
        });
    }),
  );
  await listening(
    'clear',
    net.createServer((socket) => socket.on('error', () => undefined).end('220 hello\r\n')),
  );
});
afterAll(() => {
  for (const server of servers) server.close();
});

/** This host is the container: the same program, and openssl as the images have it. */
const engine = (asked: string[] = []) =>
  ({
    exec: async (id: string, argv: string[]) => {
      asked.push(id);
      const [command = '', ...args] = argv;
      const { status, stdout } = await run(command, args);
      return { exitCode: status, output: stdout };
    },
  }) as unknown as Engine;

const container = (service: string, more: Partial<ObservedContainer> = {}) =>
  ({
    id: `id-${service}`,
    service,
    state: 'running',
    ports: [],
    addresses: { test_db: '127.0.0.1' },
    ...more,
  }) as unknown as ObservedContainer;

/** Each listener is a service of its own, in one network that this host has no part in. */
function stackWith(listeners: Record<string, Listener>, build: object | undefined = {}): Stack {
  const services = Object.entries(listeners).map(([name, listener], index) => ({
    name,
    networks: ['db'],
    image: { build },
    memoryBytes: 64 + index,
    certificate: spec,
    listeners: [listener],
  }));
  return { project: 'test', services, networks: [{ name: 'db', isolated: true }] } as unknown as Stack;
}

const at = (name: string, protocol: Listener['protocol'] = 'tls'): Listener => ({ port: ports[name] as number, protocol });

describe('certificates that are served where this host has no way to', () => {
  it('are seen by one neighbour with a program for it, whatever the listener wants of its clients', async () => {
    const asked: string[] = [];
    const listeners = { tls: at('tls'), mutual: at('mutual'), postgres: at('postgres', 'postgres'), clear: at('clear') };
    const found = await askListeners(
      stackWith(listeners),
      [spec],
      Object.keys(listeners).map((name) => container(name)),
      () => engine(asked),
    );
    expect(found.map(({ service, served, away }) => [service, served?.serial, away])).toEqual([
      ['tls', serial, false],
      ['mutual', serial, false],
      ['postgres', serial, false],
      ['clear', undefined, false],
    ]);
    // The one with the most memory.
    expect(asked).toEqual(['id-clear']);
    expect(found[0]).toMatchObject({ at: `127.0.0.1:${ports.tls}`, served: { stapled: false } });
  });

  it('are those of one service alone where that is asked for, by whichever neighbour', async () => {
    const asked: string[] = [];
    const stack = stackWith({ tls: at('tls'), clear: at('clear') });
    const found = await askListeners(stack, [spec], [container('tls'), container('clear')], () => engine(asked), 'tls');
    expect(found.map(({ service }) => service)).toEqual(['tls']);
    expect(asked).toEqual(['id-clear']);
  });

  it('are not known where no neighbour can ask, or where that fails', async () => {
    const seen = async (stack: Stack, via: Engine) =>
      (await askListeners(stack, [spec], [container('tls')], () => via)).map(({ served, away }) => [served, away]);
    const none = { exec: () => Promise.reject(new Error('it is paused')) } as unknown as Engine;
    expect(await seen(stackWith({ tls: at('tls') }), none)).toEqual([[undefined, true]]);
    const theirs = stackWith({ tls: at('tls') });
    for (const service of theirs.services) service.image = { name: 'app', ref: 'their/app:1' };
    expect(await seen(theirs, engine())).toEqual([[undefined, true]]);
  });

  it('never come from this host’s own way to such an address, which may be another machine’s', async () => {
    const stack = stackWith({ tls: at('tls') });
    const published = [{ address: '127.0.0.1', host: ports.tls as number, container: ports.tls as number }];
    const asked: string[] = [];
    const [found] = await askListeners(stack, [spec], [container('tls', { ports: published })], () => engine(asked));
    expect([found?.served?.serial, asked]).toEqual([serial, []]);
    await askListeners(stack, [spec], [container('tls')], () => engine(asked));
    expect(asked).toEqual(['id-tls']);
  });
});
