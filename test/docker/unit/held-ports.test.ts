import { expect, it } from 'vitest';
import { heldPorts, portKey } from '../../../src/docker/plan/held-ports.ts';

const container = (service: string, state: string, ...hosts: number[]) => ({
  service,
  state,
  ports: hosts.map((host) => ({ address: '127.0.0.1', host, container: 8443 })),
});
const published = [
  { service: 'edge', host: 8443 },
  { service: 'edge', host: 8080 },
  { service: 'vpn', host: 51820, protocol: 'udp' as const },
];

it.each([
  ['of one that runs', [container('edge', 'running', 8443, 8080)], [8443, 8080]],
  ['of one that crashes and starts again and again, of which the engine lists none', [container('edge', 'restarting')], [8443, 8080]],
  ['of one that has just started', [container('edge', 'running')], [8443, 8080]],
  ['that it had before a setting moved it', [container('edge', 'running', 9443)], [9443, 8443, 8080]],
  ['of none that has ended', [container('edge', 'exited'), container('vpn', 'created'), container('vpn', 'dead')], []],
])('a port is our own: %s', (_which, containers, ports) => {
  expect(heldPorts(containers, published)).toEqual(new Set(ports.map((port) => portKey(port))));
});

it('a port of UDP is another one than that of TCP with its number', () => {
  const vpn = { service: 'vpn', state: 'running', ports: [{ address: '0.0.0.0', host: 51820, container: 51820, udp: true as const }] };
  expect(heldPorts([vpn], [])).toEqual(new Set(['51820/udp']));
  expect(heldPorts([container('vpn', 'restarting')], published)).toEqual(new Set(['51820/udp']));
});
