import type { NetworkName, Service, Stack } from '../../src/stack/types.ts';

/** Services of a stack with all tiers, as far as a picture needs them: name, networks, what is started before, and how many. */
const TIERS: [component: string, networks: NetworkName[], after: string[], count?: number, more?: Partial<Service>][] = [
  ['vpn', ['dmz', 'mgmt'], [], 1, { ports: [{ address: '0.0.0.0', host: 51820, container: 51820, setting: 'vpn.port' }] }],
  ['bastion', ['dmz', 'mgmt'], [], 1, { ports: [{ address: '0.0.0.0', host: 2222, container: 2222, setting: 'bastion.port' }] }],
  ['crowdsec', ['dmz', 'app'], []],
  ['otel-collector', ['app', 'mgmt'], ['jaeger']],
  ['backup', ['db', 'mgmt'], ['postgres-1', 'postgres-2']],
  ['postgres-exporter', ['db', 'mgmt'], ['postgres-1', 'postgres-2'], 2],
  ['redis-exporter', ['db', 'mgmt'], ['redis']],
  [
    'prometheus',
    ['mgmt', 'app', 'db'],
    ['node-exporter', 'blackbox-exporter', 'postgres-exporter-1', 'redis-exporter', 'alertmanager', 'balancer'],
  ],
  ['alertmanager', ['mgmt'], []],
  ['node-exporter', ['mgmt'], []],
  ['blackbox-exporter', ['mgmt', 'app'], ['edge']],
  ['grafana', ['mgmt'], ['prometheus', 'elasticsearch', 'jaeger']],
  ['log-shipper', ['mgmt'], ['elasticsearch']],
  ['elasticsearch', ['mgmt'], []],
  ['kibana', ['mgmt'], ['elasticsearch']],
  ['jaeger', ['mgmt'], []],
  ['agent', ['mgmt', 'app', 'db'], ['engine-proxy', 'alertmanager']],
  ['engine-proxy', ['mgmt'], []],
];

/** A stack with monitoring, logs and a perimeter around it, as a picture sees it. */
export function withAllTiers(stack: Stack): Stack {
  const [template] = stack.services as [Service];
  const { certificate: _, rolling: __, ...plain } = template;
  const more = TIERS.flatMap(([component, networks, after, count = 1, extra = {}], index) =>
    Array.from(
      { length: count },
      (_entry, number): Service => ({
        ...plain,
        component,
        name: count > 1 ? `${component}-${number + 1}` : component,
        host: 150 + index * 3 + number,
        networks,
        after,
        ports: [],
        mounts: [],
        environment: {},
        ...extra,
      }),
    ),
  );
  return {
    ...stack,
    services: [...stack.services, ...more],
    networks: [...stack.networks, { name: 'mgmt', subnet: '10.10.0.0/16', internal: false }],
  };
}
