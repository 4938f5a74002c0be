import { expect, it } from 'vitest';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { portsOf } from '../../../src/host/host-facts.ts';
import { CASES, load, stackOf } from '../../support/settings.ts';

it('ports that are to be shared are ours while the edge still publishes them itself', async () => {
  const ports = [80, 443].map((host) => ({ address: '0.0.0.0', host, container: host + 8000 }));
  const edge = { service: 'edge', state: 'running', ports } as Partial<ObservedContainer> as ObservedContainer;
  const found = await portsOf(stackOf(load(CASES.shared)), [edge], undefined);
  expect(found.map(({ port, ours, takenBy }) => [port, ours, takenBy])).toEqual([80, 443, 80, 443].map((port) => [port, true, undefined]));
});
