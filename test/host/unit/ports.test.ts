import net from 'node:net';
import { expect, it } from 'vitest';
import { isTaken, processOn } from '../../../src/host/ports.ts';
import { background } from '../../support/stack.ts';

const PORT = 31_987;
const BIND = `require('node:dgram').createSocket('udp4').bind(${PORT}, '127.0.0.1', () => console.log('ready'))`;

it('a port of UDP is taken by what is bound to it, and not by TCP', async () => {
  const other = await background(process.execPath, ['-e', BIND], /ready/);
  expect([await isTaken('127.0.0.1', PORT, 'udp'), await isTaken('127.0.0.1', PORT)]).toEqual([true, false]);
  expect([processOn(PORT, 'udp'), processOn(PORT)]).toEqual([expect.stringContaining(`process ${other.pid} `), undefined]);
  await other.stop();
  expect(await isTaken('127.0.0.1', PORT, 'udp')).toBe(false);
});

it('and a port of TCP is not taken for UDP', async () => {
  const server = net.createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
  const { port } = server.address() as net.AddressInfo;
  expect([await isTaken('127.0.0.1', port), await isTaken('127.0.0.1', port, 'udp')]).toEqual([true, false]);
  await new Promise<void>((closed) => server.close(() => closed()));
});
