import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/capability/capability.ts';
import { policyOf } from '../../../src/firewall/plan/policy.ts';
import { withBeside } from '../../../src/reconcile/beside/beside.ts';
import { topology } from '../../../src/topology/plan/topology.ts';
import { CASES, load, stackOf } from '../../support/settings.ts';

const loaded = load(CASES.shared);
const stack = stackOf(loaded);
const edge = stack.services.find(({ name }) => name === 'edge');

describe('an edge that shares its ports', () => {
  it('publishes none, and has the names that the front is to pass on', () => {
    expect(stack.services.flatMap(({ ports }) => ports)).toEqual([]);
    expect(edge?.front?.names).toEqual(['media.example.org', 'localhost', 'files.example.org']);
    expect(edge?.front?.ports.map(({ address, host }) => `${address} ${host}`)).toEqual(['0.0.0.0 80', '0.0.0.0 443', ':: 80', ':: 443']);
    expect(edge?.mounts).toContainEqual(
      expect.objectContaining({ source: '/var/lib/medianest/front/sockets/medianest', target: '/run/front' }),
    );
  });

  it('claims localhost only where the settings name it', () => {
    const file = 'components: { balancer: true }\nedge: { shared: true, domains: [media.example.org] }';
    const own = stackOf(load({ file, flags: { profile: 'dev-compose' } })).services.find(({ name }) => name === 'edge');
    expect(own?.front?.names).toEqual(['media.example.org']);
  });

  it.each([
    ['edge: { shared: true, domains: [media.example.org, 192.0.2.1] }\ncomponents: { balancer: true }', /192\.0\.2\.1 is an address/],
    ['edge: { shared: true, domains: ["2001:db8::1"] }\ncomponents: { balancer: true }', /2001:db8::1 is an address/],
    [
      'edge: { shared: true, trustedProxies: [203.0.113.0/24] }\ncomponents: { balancer: true }',
      /edge\.trustedProxies says of its client cannot be believed/,
    ],
    ['edge: { shared: true }', /the front runs from the balancer’s image/],
    [
      'edge: { shared: true, httpPort: 443, httpsPort: 443 }\ncomponents: { balancer: true }',
      /edge\.httpsPort and edge\.httpPort are both 443/,
    ],
  ])('refuses %s', (file, message) => {
    expect(() => stackOf(load({ file, flags: { profile: 'dev-compose' } }))).toThrow(message);
  });

  it('is governed by the firewall at the ports of the front', () => {
    const policy = policyOf({ settings: loaded.settings.firewall, edge: { operators: [], trustedProxies: [] }, stack, lists: {} });
    expect(policy.ports.map(({ name, port, addresses }) => [name, port, addresses])).toEqual([
      ['edge.httpPort', 80, ['0.0.0.0', '::']],
      ['edge.httpsPort', 443, ['0.0.0.0', '::']],
    ]);
  });

  it('is drawn with the ports of the front, where visitors come in', () => {
    const picture = topology(stack, {});
    const drawn = picture.groups.find(({ component }) => component === 'edge');
    expect(drawn?.published).toContain('0.0.0.0:443 (front)');
    expect(picture.flows).toContainEqual({ from: 'visitors', to: drawn?.id, tls: true });
  });
});

describe('what is done beside the stack', () => {
  const step = (kind: Step['kind']) => ({ kind, cause: '' }) as Step;
  const kinds = (steps: Step['kind'][], first: Step['kind'][], last: Step['kind'][]) =>
    withBeside({ steps: steps.map(step) }, { first: first.map(step), frees: [], last: last.map(step) }).steps.map(({ kind }) => kind);

  it('comes after all that can fail and before a container is touched, or at the end', () => {
    expect(kinds(['build-image', 'prove-config', 'compose-up', 'mark-applied'], ['join-front'], ['apply-front'])).toEqual([
      ...['build-image', 'prove-config', 'join-front', 'compose-up', 'mark-applied', 'apply-front'],
    ]);
    expect(kinds(['write-files', 'reload'], ['join-front'], ['apply-front'])).toEqual([
      'write-files',
      'join-front',
      'reload',
      'apply-front',
    ]);
    expect(kinds([], ['join-front'], ['apply-front'])).toEqual(['join-front', 'apply-front']);
    expect(kinds(['write-files'], [], ['apply-front'])).toEqual(['write-files', 'apply-front']);
  });
});
