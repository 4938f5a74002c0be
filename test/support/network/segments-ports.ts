import type { ConnectionOptions } from 'node:tls';
import { type Handshake, handshake } from './handshake.ts';
import type { RenderedService } from './segments-stack.ts';

type Services = Record<string, RenderedService>;
/** Service -> ports on which it listens. */
type Ports = Record<string, number[]>;

/** On what each component listens, and why; there is nothing else. */
export const DESIGN: Record<string, number[]> = {
  edge: [8080, 8443],
  balancer: [8443],
  app: [3000],
  'db-router': [5432, 5433],
  patroni: [5432, 8008, 8432],
  etcd: [2379, 2380],
  'redis-cluster': [6379, 16379],
  backup: [8432],
  'engine-proxy': [],
  agent: [],
};

export const componentOf = (services: Services, service: string): string => services[service]?.labels['io.medianest.component'] as string;

/** Every port of every service, at each of its addresses. */
export const endpointsOf = (services: Services, ports: Ports) =>
  Object.entries(services).flatMap(([service, { networks: own = {} }]) =>
    Object.entries(own).flatMap(([network, { ipv4_address: address }]) =>
      (ports[service] ?? []).map((port) => ({ service, network, target: `${address}:${port}` })),
    ),
  );

/** A TLS port: the name that is in its certificate, and what it wants of a client. */
export interface SecuredPort {
  label: string;
  address: string;
  port: number;
  name: string;
  postgres: boolean;
  clientCertificate: boolean;
}

export const securedPorts = (services: Services, ports: Ports): SecuredPort[] =>
  Object.keys(services).flatMap((service) =>
    (ports[service] ?? [])
      .filter((port) => !(componentOf(services, service) === 'edge' && port === 8080))
      .map((port) => {
        const own = services[service]?.networks ?? {};
        const network = ['db', 'control', 'dmz', 'app'].find((name) => own[name]) as string;
        const name = { app: 'app', edge: 'localhost', 'db-router': 'db-router' }[componentOf(services, service)] ?? service;
        return {
          label: `${service}:${port}`,
          address: own[network]?.ipv4_address as string,
          port,
          name,
          postgres: port === 5432 || port === 5433,
          clientCertificate: [2379, 2380, 8008, 16379].includes(port),
        };
      }),
  );

/** What became of a handshake with each of them: label -> outcome. */
export async function handshakes(
  options: (entry: SecuredPort) => ConnectionOptions,
  which: readonly SecuredPort[],
  lasts: boolean,
): Promise<Record<string, string>> {
  const done = await Promise.all(
    which.map(
      async (entry): Promise<[string, Handshake]> => [
        entry.label,
        await handshake(entry.address, entry.port, options(entry), { postgres: entry.postgres, lasts }),
      ],
    ),
  );
  return Object.fromEntries(done.map(([label, { outcome }]) => [label, outcome]));
}
