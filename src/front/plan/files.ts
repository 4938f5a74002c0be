import { sha256, shortHash } from '../../core/hash.ts';
import { isIpv6 } from '../../core/ip-address.ts';
import { LABEL } from '../../stack/labels.ts';
import { type Claims, type Published, publishedBy } from './claims.ts';

/** Projects as HAProxy looks them up: a name and the project that it belongs to. */
const namesMap = ({ projects }: Claims): string =>
  Object.entries(projects)
    .flatMap(([project, { names }]) => names.map((name) => `${name} ${project}\n`))
    .join('');

/** What one project may have open at once: it must not be able to take all of the front from the others. */
const MAX_CONNECTIONS = 6000;
const PER_PROJECT = { tls: 3500, http: 500 };
/** What one client may, an IPv4 address or an IPv6 /64: not all of a project. Behind Docker's own proxy, and a carrier's NAT, many visitors have one in common. */
const PER_CLIENT = 1500;

const TRACKED = `tcp-request connection track-sc0 src,ipmask(32,64) table clients
  tcp-request connection reject if { sc0_conn_cur gt ${PER_CLIENT} }`;

const listen = (port: number, ipv6: boolean): string => `bind :${port}${ipv6 ? `\n  bind :::${port} v6only` : ''}`;

/**
 * HAProxy's configuration. TLS passes as it is, by the name in its first message (SNI); plain HTTP by its Host. The client's
 * address goes ahead of both (PROXY protocol, version 2).
 */
function haproxyConfig(claims: Claims, map: string): string {
  const ipv6 = publishedBy(claims)?.addresses.some(isIpv6) === true;
  const backends = Object.keys(claims.projects).map(
    (project) => `
backend ${project}-tls
  mode tcp
  # Not \`maxconn\` of the server: what waits for that counts among all connections of the front.
  tcp-request content reject if { be_conn gt ${PER_PROJECT.tls} }
  server edge unix@/run/front/${project}/tls.sock send-proxy-v2

backend ${project}-http
  mode http
  timeout server 30s
  # A connection carries the address of one client.
  http-reuse never
  http-request return status 503 content-type text/plain string "Too many visitors. Try again." if { be_conn gt ${PER_PROJECT.http} }
  server edge unix@/run/front/${project}/http.sock send-proxy-v2
`,
  );
  return `# Names: ${shortHash(map)}
global
  log stdout format raw local0 info
  maxconn ${MAX_CONNECTIONS}
  stats socket /run/haproxy/admin.sock mode 600 level admin expose-fd listeners
  # After a reload, what is open stays open for so long.
  hard-stop-after 12h
  mworker-max-reloads 20

defaults
  log global
  option dontlog-normal
  option dontlognull
  timeout connect 4s
  timeout client 65m
  timeout server 65m
  timeout client-fin 30s
  timeout server-fin 30s
  timeout http-request 10s
  timeout http-keep-alive 65s

backend clients
  mode tcp
  stick-table type ipv6 size 100k expire 10m store conn_cur

frontend health
  mode http
  bind 127.0.0.1:8081
  http-request return status 200 content-type text/plain string ok
  no log

frontend tls
  mode tcp
  option tcplog
  ${listen(8443, ipv6)}
  ${TRACKED}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  tcp-request content reject
  use_backend %[req.ssl_sni,lower,map_str(/etc/medianest/current/names)]-tls if { req.ssl_sni,lower,map_str(/etc/medianest/current/names) -m found }
  # No project has this name: the handshake ends before a certificate is shown.
  default_backend nowhere

frontend http
  mode http
  option httplog
  # Redirects and proofs for an ACME server: nothing of that takes long.
  timeout client 30s
  ${listen(8080, ipv6)}
  ${TRACKED}
  http-request set-var(txn.project) req.hdr(host),host_only,lower,rtrim(.),map_str(/etc/medianest/current/names)
  http-request return status 421 content-type text/plain string "This name is not served here." unless { var(txn.project) -m found }
  use_backend %[var(txn.project)]-http

backend nowhere
  mode tcp
  tcp-request content reject
${backends.join('')}`;
}

/** The front's configuration folder: name of a file -> text. */
export function configFiles(claims: Claims): Record<string, string> {
  const names = namesMap(claims);
  return { 'haproxy.cfg': haproxyConfig(claims, names), names };
}

/** A dollar would be a variable of Compose. */
const escaped = (text: string): string => text.replaceAll('$', () => '$$');

const bracketed = (address: string): string => (isIpv6(address) ? `[${address}]` : address);

/** A /64 that nothing else uses (RFC 4193): engines before 27 choose none by themselves. */
function uniqueLocal(root: string): string {
  const hex = sha256(root);
  return `fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}:1::/64`;
}

/** Where and of what the front's container is made. */
export interface Made {
  /** Its Compose project. */
  name: string;
  root: string;
  image: string;
}

/** Hash of all that makes a new container necessary, but for its image: the engine names one by its id once its tag is another's. */
export const inputsOf = (made: Omit<Made, 'image'>, published: Published): string =>
  shortHash(composeObject({ ...made, image: '' }, published, ''));

/** The Compose file (JSON is YAML). Which projects there are is not in it, so that one that joins replaces no container. */
export const composeFile = (made: Made, published: Published): string =>
  `${JSON.stringify(composeObject(made, published, inputsOf(made, published)), null, 2)}\n`;

function composeObject({ name, root, image }: Made, { addresses, httpPort, httpsPort }: Published, inputs: string) {
  const ipv6 = addresses.some(isIpv6);
  const bind = (folder: string, target: string) => ({
    type: 'bind',
    source: escaped(`${root}/${folder}`),
    target,
    read_only: true,
    bind: { create_host_path: false },
  });
  return {
    name,
    services: {
      front: {
        image,
        restart: 'always',
        init: true,
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: 256,
        ulimits: { nofile: { soft: 16384, hard: 16384 } },
        mem_limit: '256m',
        tmpfs: ['/tmp:mode=1777', '/run:mode=1777'],
        // Its successor has the ports only once it is gone.
        stop_grace_period: '5s',
        logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
        labels: { [LABEL.component]: 'front', [LABEL.inputs]: inputs },
        volumes: [bind('config', '/etc/medianest'), bind('sockets', '/run/front')],
        ports: addresses.flatMap((address) => [`${bracketed(address)}:${httpPort}:8080`, `${bracketed(address)}:${httpsPort}:8443`]),
        // Docker's own network needs no range of addresses more; it has no IPv6.
        ...(!ipv6 && { network_mode: 'bridge' }),
      },
    },
    ...(ipv6 && { networks: { default: { enable_ipv6: true, ipam: { config: [{ subnet: uniqueLocal(root) }] } } } }),
  };
}
