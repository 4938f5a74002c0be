import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

let edge: EdgeBench;
beforeAll(async () => {
  // The portal behind the balancer is spoken to over TLS; app-2 has a certificate that nobody trusts.
  edge = await edgeBench('edge-app-tls', 'app: { replicas: 2 }\nedge: { rateLimit: false }', 'balancer: true, cdn: true');
});
afterAll(() => edge.destroy());

const name = ({ body }: Answer) => (JSON.parse(body.toString()) as { name: string }).name;

it('the balancer, the replicas behind it and the cache are spoken to over TLS, and checked', async () => {
  expect(name(await edge.ask('/echo'))).toBe('balancer');
  expect((await edge.ask('/a.js')).headers['x-cache']).toBe('MISS');
  await edge.origin('balancer', 'kill');
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) seen.add(name(await edge.ask('/echo')));
  expect(seen).toEqual(new Set(['app-1']));
  await edge.origin('app-1', 'kill');
  expect((await edge.ask('/echo')).status).toBeOneOf([502, 504]);
});
