import { isAddress } from '../../core/url-host.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint } from '../../stack/types.ts';

/** A server outside that a service in `auth` calls, and the container that leads there. */
interface Way {
  /** The container: `sign-on-mail`. */
  name: string;
  /** Its number in `auth` and `out`. */
  host: number;
  /** Name or address of the server, as a URL has it. */
  target: string;
  port: number;
  /** The server as an address. */
  url: string;
  /** Addresses of those who may call it. */
  callers: string[];
  /** What a new container means. */
  interruption: string;
  /** The component that it is of, where that is not itself. */
  component?: string;
}

/** HAProxy as the way to one server: to no other host and port, and for its callers alone (docs/decisions/0026-egress-by-host.md). */
export function wayOut({ name, host, target, port, url, callers, interruption, component }: Way, input: BuildInput): Blueprint {
  return {
    name,
    image: input.image('balancer'),
    uid: 10005,
    host,
    networks: ['auth', 'out'],
    ports: [],
    mounts: [],
    secrets: [],
    environment: {},
    composeFrom: 'egress',
    configFrom: ['egress'],
    view: {
      address: input.address('auth', host),
      callers,
      target,
      resolves: !isAddress(target),
      ports: [port],
      maxConnections: 50,
      threads: 1,
    },
    memoryBytes: 48 * 1024 ** 2,
    cpus: 0.5,
    leadsTo: [url],
    keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its control sockets; gone with the container' },
    after: [],
    reload: ['/usr/local/bin/reload'],
    check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
    interruption,
    urls: [],
    ...(component && { component }),
  };
}
