import dgram from 'node:dgram';
import net from 'node:net';
import { expect, it } from 'vitest';
import { isTaken, processOn } from '../../../src/host/ports.ts';

it('a port of UDP is taken by what is bound to it, and not by TCP', async () => {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((bound) => socket.bind({ address: '127.0.0.1', port: 0 }, () => bound()));
  const { port } = socket.address();
  expect([await isTaken('127.0.0.1', port, 'udp'), await isTaken('127.0.0.1', port)]).toEqual([true, false]);
  expect(processOn(port, 'udp')).toContain(`process ${process.pid}`);
  expect(processOn(port)).toBeUndefined();
  await new Promise<void>((closed) => socket.close(() => closed()));
  expect(await isTaken('127.0.0.1', port, 'udp')).toBe(false);
});

it('and the other way round', async () => {
  const server = net.createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
  const { port } = server.address() as net.AddressInfo;
  expect([await isTaken('127.0.0.1', port), await isTaken('127.0.0.1', port, 'udp')]).toEqual([true, false]);
  await new Promise<void>((closed) => server.close(() => closed()));
});
