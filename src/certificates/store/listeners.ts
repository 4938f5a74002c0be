import type { ObservedContainer } from '../../docker/types.ts';
import { certificatesOf } from '../../stack/certificates.ts';
import type { CertificateSpec, Listener, Service, Stack } from '../../stack/types.ts';
import { askCertificate, type Served } from './handshake.ts';

/** One place where a certificate is served. */
export interface ServedAt {
  certificate: string;
  service: string;
  /** `172.16.0.10:8443` */
  at: string;
  served: Served | undefined;
  /** It cannot be reached from this machine, so what it serves is not known. */
  away: boolean;
}

/** The name that a client would ask for. */
const nameToAsk = (spec: CertificateSpec): string => spec.askFor ?? spec.subjects[0] ?? spec.name;

/** Asks every listener of the running containers that have one of these certificates, at their own addresses or where they are published. */
export async function askListeners(
  stack: Stack,
  specs: readonly CertificateSpec[],
  containers: readonly ObservedContainer[],
): Promise<ServedAt[]> {
  const questions = stack.services.flatMap((service) =>
    (service.listeners ?? []).flatMap((listener) =>
      containers
        .filter((container) => container.service === service.name && container.state === 'running')
        .flatMap((container) =>
          specs
            .filter((spec) => certificatesOf(service).some(({ name }) => name === spec.name))
            .map((spec) => ask(service, container, listener, spec)),
        ),
    ),
  );
  return Promise.all(questions);
}

async function ask(service: Service, container: ObservedContainer, listener: Listener, spec: CertificateSpec): Promise<ServedAt> {
  const published = container.ports.filter((port) => port.container === listener.port);
  const places = [
    ...Object.values(container.addresses)
      .filter(Boolean)
      .map((address) => ({ address, port: listener.port })),
    ...published.map(({ address, host }) => ({ address: address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address, port: host })),
  ];
  const told = { certificate: spec.name, service: service.name };
  let away = places.length > 0;
  for (const { address, port } of places) {
    const served = await askCertificate(address, { ...listener, port }, nameToAsk(spec));
    if (served && served !== 'away') return { ...told, at: `${address}:${port}`, served, away: false };
    away &&= served === 'away';
  }
  const [first] = places;
  return { ...told, at: first ? `${first.address}:${first.port}` : 'no address', served: undefined, away };
}
