import { bracketed, reachableHere } from '../../core/ip-address.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { certificatesOf } from '../../stack/certificates.ts';
import type { CertificateSpec, Listener, Stack } from '../../stack/types.ts';
import { askerIn, askInside } from './ask-inside.ts';
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

/** One listener of one container, to be asked for one certificate. */
interface Asked {
  container: ObservedContainer;
  listener: Listener;
  spec: CertificateSpec;
}

/**
 * Asks every listener of the running containers that have one of these certificates: at their own addresses, where they are
 * published, or from a neighbour where this host has no way into their networks. @param only the service to ask
 */
export async function askListeners(
  stack: Stack,
  specs: readonly CertificateSpec[],
  containers: readonly ObservedContainer[],
  engine: () => Engine | Promise<Engine>,
  only?: string,
): Promise<ServedAt[]> {
  const services = stack.services.filter(({ name }) => only === undefined || name === only);
  const all = services.flatMap((service) =>
    (service.listeners ?? []).flatMap((listener) =>
      containers
        .filter((container) => container.service === service.name && container.state === 'running')
        .flatMap((container) =>
          specs
            .filter((spec) => certificatesOf(service).some(({ name }) => name === spec.name))
            .map((spec): Asked => ({ container, listener, spec })),
        ),
    ),
  );
  const closed = new Set(stack.networks.filter(({ isolated }) => isolated).map(({ name }) => `${stack.project}_${name}`));
  const isInside = ({ container, listener }: Asked) => places(container, listener, closed).length === 0;
  const inside = all.filter(isInside);
  const [near, far] = await Promise.all([
    Promise.all(all.filter((asked) => !isInside(asked)).map((asked) => ask(asked, closed))),
    inside.length === 0 ? [] : fromNeighbours(inside, closed, stack, containers, await engine()),
  ]);
  return [...near, ...far];
}

/** Where this host reaches it. An address in a network that it has no part in may be another machine's. */
const places = (container: ObservedContainer, listener: Listener, closed: ReadonlySet<string>): { address: string; port: number }[] => [
  ...Object.entries(container.addresses)
    .filter(([network, address]) => address && !closed.has(network))
    .map(([, address]) => ({ address, port: listener.port })),
  ...container.ports
    .filter((port) => port.container === listener.port)
    .map(({ address, host }) => ({ address: reachableHere(address), port: host })),
];

const told = ({ container, spec }: Asked) => ({ certificate: spec.name, service: container.service });

async function ask(asked: Asked, closed: ReadonlySet<string>): Promise<ServedAt> {
  const { container, listener, spec } = asked;
  const all = places(container, listener, closed);
  let away = true;
  for (const { address, port } of all) {
    const served = await askCertificate(address, { ...listener, port }, nameToAsk(spec));
    if (served && served !== 'away') return { ...told(asked), at: `${bracketed(address)}:${port}`, served, away: false };
    away &&= served === 'away';
  }
  const [first] = all as [{ address: string; port: number }];
  return { ...told(asked), at: `${bracketed(first.address)}:${first.port}`, served: undefined, away };
}

/** One container of each network asks for all of that network. */
async function fromNeighbours(
  inside: readonly Asked[],
  closed: ReadonlySet<string>,
  stack: Stack,
  containers: readonly ObservedContainer[],
  engine: Engine,
): Promise<ServedAt[]> {
  const networkOf = ({ container }: Asked) =>
    Object.keys(container.addresses).find((name) => closed.has(name) && container.addresses[name]);
  const networks = [...new Set(inside.map(networkOf))];
  const answers = await Promise.all(
    networks.map(async (network) => {
      const group = inside.filter((asked) => networkOf(asked) === network);
      if (network === undefined) return group.map((asked) => ({ ...told(asked), at: 'no address', served: undefined, away: false }));
      const questions = group.map(({ container, listener, spec }) => ({
        ...listener,
        address: container.addresses[network] as string,
        servername: nameToAsk(spec),
      }));
      const asker = askerIn(network, stack, containers);
      const said = asker ? await askInside(engine, asker, questions) : questions.map(() => 'away' as const);
      return group.map((asked, index) => {
        const served = said[index];
        const at = `${questions[index]?.address}:${asked.listener.port}`;
        return { ...told(asked), at, served: served === 'away' ? undefined : served, away: served === 'away' };
      });
    }),
  );
  return answers.flat();
}
