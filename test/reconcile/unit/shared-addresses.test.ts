import { describe, expect, it } from 'vitest';
import { hostAddress } from '../../../src/core/cidr.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { registry } from '../../../src/services/index.ts';
import { volumeName } from '../../../src/stack/labels.ts';
import type { Service, Stack } from '../../../src/stack/types.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const SWITCHED = 'components: { redis-cluster: false, redis: true }';
const LOOKED_AFTER = 'app: { replicas: 2 }\nredisCluster: { replicas: 0 }\ncomponents: { balancer: true, agent: true, engine-proxy: true';
const STACKS = {
  dev: stackOf(load({ flags: { profile: 'dev' } })),
  'dev-compose': stackOf(load({ flags: { profile: 'dev-compose' } })),
  staging: stackOf(load({ flags: { profile: 'staging' } })),
  'staging with one Redis': stackOf(load({ file: SWITCHED, flags: { profile: 'staging' } })),
  prod: stackOf(load({ file: 'external: { plex: { url: "http://192.168.1.20:32400" } }', flags: { profile: 'prod' } })),
  'prod, fully monitored': stackOf(
    load({
      file: `observability: full
edge: { domains: [media.example.net] }
components: { sign-on: true, crowdsec: true, vpn: true, bastion: true, suricata: true }
signOn: { mail: { host: smtp.lan, from: a@b.lan }, ldap: { url: "ldaps://ldap.lan", baseDn: "dc=lan" } }`,
      flags: { profile: 'prod' },
    }),
  ),
  'prod, not monitored': stackOf(
    load({ file: 'observability: off\nlogs: { store: victorialogs, url: "http://logs.lan" }', flags: { profile: 'prod' } }),
  ),
  'prod beside sentinels': stackOf(load({ file: 'cache: { mode: sentinel }', flags: { profile: 'prod' } })),
  // The two that test/cache/e2e switches between.
  'one Redis': stackOf(load({ file: `${LOOKED_AFTER} }`, flags: { profile: 'dev-compose' } })),
  'three Redis': stackOf(load({ file: `${LOOKED_AFTER}, redis: false, redis-cluster: true }`, flags: { profile: 'dev-compose' } })),
};

const addresses = (stack: Stack, service: Service): Record<string, string> =>
  Object.fromEntries(
    stack.networks.flatMap(({ name, subnet }) =>
      service.networks.includes(name) ? [[volumeName(stack.project, name), hostAddress(subnet, service.host) as string]] : [],
    ),
  );

/** Every pair of components of the registry that have an address in common, found in the stacks themselves. */
function pairs(): string[] {
  const owners = new Map<string, Set<string>>();
  for (const stack of Object.values(STACKS))
    for (const service of stack.services)
      for (const address of Object.values(addresses(stack, service)))
        owners.set(address, new Set([...(owners.get(address) ?? []), service.component]));
  const shared = [...owners.values()].filter((components) => components.size > 1);
  return [...new Set(shared.map((components) => [...components].sort().join(' and ')))].sort();
}

const running = (stack: Stack): ObservedContainer[] => {
  const { inputs } = rendered(stack);
  return stack.services
    .filter(({ oneOff }) => !oneOff)
    .map((service) =>
      runningContainer(service.name, inputs[service.name], {
        component: service.component,
        addresses: addresses(stack, service),
        ports: service.ports,
        volumes: service.mounts.flatMap(({ kind, source }) => (kind === 'volume' ? [volumeName(stack.project, source)] : [])),
      }),
    );
};

/** What an `up` to `next` would do while `before` runs. Its edge has a new configuration to read. */
function switched(before: Stack, next: Stack) {
  const files = rendered(next);
  return planUp(next, files, settledFacts(files, running(before)));
}

describe('components with the same address', () => {
  it('are these, among all that the profiles run', () => {
    const seen = new Set(Object.values(STACKS).flatMap(({ services }) => services.map(({ component }) => component)));
    expect(registry.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual(['cdn', 'services']);
    expect(pairs()).toEqual(['all-in-one and edge', 'redis and redis-cluster']);
  });

  const names = Object.keys(STACKS) as (keyof typeof STACKS)[];
  const ways = names.flatMap((from) =>
    names.filter((to) => to !== from).map((to): [keyof typeof STACKS, keyof typeof STACKS] => [from, to]),
  );
  it.each(ways)('free it before the other one starts, from %s to %s', (from, to) => {
    const [before, next] = [STACKS[from], STACKS[to]];
    const held = new Map(running(before).map((container) => [container.service, container]));
    for (const step of switched(before, next).steps) {
      if (step.kind === 'remove-services') for (const name of step.services) held.delete(name);
      if (step.kind === 'retire-member') held.delete(step.service);
      if (step.kind !== 'compose-up') continue;
      for (const name of step.services) {
        const service = next.services.find((entry) => entry.name === name);
        if (!service) continue;
        const wanted = Object.values(addresses(next, service));
        const holders = [...held.values()].filter(
          (container) =>
            container.service !== name &&
            (Object.values(container.addresses).some((address) => wanted.includes(address)) ||
              container.ports.some(({ host }) => service.ports.some((port) => port.host === host))),
        );
        expect([name, holders.map((container) => container.service)]).toEqual([name, []]);
      }
    }
  });

  it('say what does not come along', () => {
    const { changes } = switched(STACKS.staging, STACKS['staging with one Redis']);
    const risk = (name: string) => changes.find(({ service }) => service === name)?.dataRisk;
    expect(risk('redis-1')).toMatch(
      /^its volumes are kept \(redis-1-data.*\), but nothing reads them any more: their data does not come along$/,
    );
    expect(risk('redis')).toBe('none');
  });
  it('keep quiet about a replica less: the others have what it had', () => {
    const { changes } = switched(STACKS.prod, STACKS.staging);
    expect(changes.find(({ service }) => service === 'redis-6')?.dataRisk).toBe('none: its volumes are kept');
    expect(changes.find(({ service }) => service === 'app-3')?.dataRisk).toBe('none: its volumes are kept');
  });
  it('stay until the end where nothing wants what they have', () => {
    const off = stackOf(load({ file: 'components: { backup: false }', flags: { profile: 'staging' } }));
    const { steps } = switched(STACKS.staging, off);
    const at = steps.findIndex((step) => step.kind === 'remove-services' && step.services.includes('backup'));
    expect(at).toBe(-1);
  });
});
