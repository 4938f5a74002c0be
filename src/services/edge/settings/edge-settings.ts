import * as z from 'zod';
import { certificateName, issuerName } from '../../../settings/certificate-fields.ts';
import { cpus, hostName, listenAddress, port, portNumber, size } from '../../../settings/fields.ts';
import { accessSettings } from './access.ts';
import { plainPath } from './plain-path.ts';
import { wafSettings } from './waf.ts';

/** An address or a range of addresses, as nginx takes it. */
const cidr = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'should be an address or a range such as 192.168.1.0/24 or 2001:db8::/32',
);

/** Wider ranges contain more strangers than any provider has proxies, and each of them could forge a client address. */
const WIDEST = { 4: 8, 6: 7 };

const known = cidr.refine((text) => {
  const [address = '', bits] = text.split('/');
  return bits === undefined || Number(bits) >= WIDEST[address.includes(':') ? 6 : 4];
}, 'contains half the internet, and every host in it would be trusted; name only your own addresses');

const unique = (what: string) => [(list: readonly string[]) => new Set(list).size === list.length, `names a ${what} twice`] as const;

/** What describes the message itself, or decides who may read what; a fixed value would break answers. */
const NOT_OURS = /^(connection|content-(length|encoding|type|range)|date|set-cookie|transfer-encoding|upgrade|trailer|vary|etag)$/i;

const headerProblem = (name: string): string | undefined => {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) return 'should be the name of a header, such as Permissions-Policy';
  return NOT_OURS.test(name) ? 'cannot be the same for every answer' : undefined;
};

const headerValue = z
  .string()
  .min(1, 'should not be empty')
  .max(2000, 'should have at most 2000 characters')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break would begin another header
  .regex(/^[^\x00-\x1f\x7f]*$/, 'should be one line');

/** What ordinary applications keep to unknowingly: nothing over plain HTTP, no plug-ins and no other base address from elsewhere. */
const CONTENT_POLICY = "default-src 'self' https: wss: data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'self' blob:; base-uri 'self'";

const headers = z
  .record(z.string(), headerValue)
  .superRefine((all, context) => {
    for (const name of Object.keys(all)) {
      const message = headerProblem(name);
      if (message) context.addIssue({ code: 'custom', path: [name], message, input: name });
    }
  })
  .default({})
  .describe('Headers of your own on every answer; they replace the application’s');

/** A number with what to write instead. */
const count = (least: number, most: number) => {
  const message = `should be a number from ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
};

/** Below an upload path bodies pass unread; where people sign in that would be the wrong ones. */
function refuseUnreadLogins(own: z.output<typeof fields>, context: z.RefinementCtx): void {
  const logins = own.login ? own.login.paths : [];
  own.uploadPaths.forEach((upload, index) => {
    const login = logins.find((path) => `${path}/`.startsWith(`${upload.replace(/\/+$/, '')}/`));
    if (!login) return;
    const message = `${upload} takes in ${login}, where people sign in: nothing sent there would be looked at; name the upload’s own path`;
    context.addIssue({ code: 'custom', path: ['uploadPaths', index], message, input: upload });
  });
}

const fields = z.strictObject({
  address: listenAddress('127.0.0.1').describe(
    'Address of this host that the portal is published on, a list of them, or `every`: `0.0.0.0` is every IPv4 address, `::` every IPv6 address',
  ),
  httpPort: port(8080).describe('Plain HTTP: redirects to HTTPS'),
  httpsPort: port(8443).describe('HTTPS'),
  shared: z
    .boolean()
    .default(false)
    .describe(
      'Share the address and the two ports with other projects of this host, by name: they lead to a front that each project joins (docs/several-projects.md)',
    ),
  publicPort: portNumber
    .optional()
    .describe('Port of HTTPS that the world sees, where a router or proxy maps it to `edge.httpsPort`: redirects and links name this one'),
  publicHttpPort: portNumber.optional().describe('The same for plain HTTP; certificates name it as where their list of revoked ones is'),
  domains: z
    .array(hostName)
    .min(1)
    .refine(...unique('domain'))
    .default(['localhost'])
    .describe('Names that the portal answers to; the first is its main one'),
  certificate: issuerName('internal-ca').describe(
    'Who issues the certificate of `edge.domains`: the internal CA, `acme` (settings under `certificates.acme`), `imported` (medianest certs import) or `self-signed`',
  ),
  certificates: z
    .array(
      z.strictObject({
        names: z
          .array(certificateName)
          .min(1)
          .refine(...unique('name'))
          .describe('Names in it; *.example.org stands for every domain one level below'),
        issuer: issuerName('internal-ca').describe('Who issues it'),
      }),
    )
    .default([])
    .describe('Domains with a certificate of their own, by another issuer than `edge.certificate`'),
  tls: z
    .strictObject({
      ciphers: z
        .enum(['intermediate', 'modern'])
        .default('intermediate')
        .describe('Mozilla’s: `intermediate` is TLS 1.2 and 1.3 with forward secrecy, `modern` is 1.3 alone'),
      stapling: z
        .boolean()
        .default(true)
        .describe('The edge sends along what the issuer says about its certificate (OCSP), where that offers it'),
    })
    .prefault({})
    .describe('TLS'),
  clientCertificates: z
    .strictObject({
      paths: z.array(plainPath).default([]).describe('Starts of paths that ask for a certificate; / for the whole portal'),
    })
    .prefault({})
    .describe('Mutual TLS: only who has a certificate of the internal CA is let in (medianest certs issue --client NAME)'),
  hsts: z
    .union(
      [
        z.boolean(),
        z
          .strictObject({
            subdomains: z.boolean().default(false).describe('Also for every name below the domain'),
            preload: z.boolean().default(false).describe('The domain may be built into browsers (hstspreload.org); hard to undo'),
          })
          .refine(({ preload, subdomains }) => subdomains || !preload, 'preload needs subdomains: true (hstspreload.org)'),
      ],
      'should be true, false, or { subdomains, preload }',
    )
    .default(false)
    .describe('Strict-Transport-Security: browsers then insist on HTTPS for two years'),
  contentPolicy: z
    .union([z.literal(false), headerValue], 'should be `false`, or the text of the header')
    .default(CONTENT_POLICY)
    .describe('Content-Security-Policy of pages whose application sends none; `false` for none'),
  headers,
  rateLimit: z
    .union(
      [
        z.literal(false),
        z.strictObject({
          perSecond: count(1, 100_000).default(100).describe('Requests a second'),
          burst: count(0, 100_000).default(200).describe('Requests above that which are served at once'),
        }),
      ],
      'should be `false`, or { perSecond, burst }',
    )
    .prefault({})
    .describe('Requests that one client may make: an IPv4 address, or an IPv6 /64; `false` for no limit'),
  login: z
    .union(
      [
        z.literal(false),
        z.strictObject({
          paths: z.array(plainPath).min(1).default(['/api/session']).describe('Where people sign in'),
          perMinute: count(1, 10_000).default(10).describe('Attempts a minute'),
          burst: count(0, 10_000).default(5).describe('Attempts above that which are served at once'),
        }),
      ],
      'should be `false`, or { paths, perMinute, burst }',
    )
    .prefault({})
    .describe('Stricter limit for what is sent to these paths (not for reading them); `false` for none'),
  connectionsPerClient: count(0, 60_000).default(256).describe('Requests and WebSockets of one client at the same time; 0 for no limit'),
  headersWithUnderscores: z
    .boolean()
    .default(false)
    .describe('Request headers with an underscore in their names reach the application; otherwise they are dropped'),
  bodyLimit: size('10m').describe('Largest request outside uploads'),
  uploadPaths: z
    .array(plainPath.min(2, 'should be longer than /'))
    .refine(...unique('path'))
    .default(['/api/uploads'])
    .describe('Paths that take uploads up to `app.uploadLimit`'),
  access: accessSettings,
  pages: z
    .boolean()
    .default(false)
    .describe(
      'Pages of Prometheus, the balancer, the edge, Grafana, Kibana and Jaeger below `/auth/pages/` of the portal’s names, for operators who have signed in with a second factor (docs/monitoring.md)',
    ),
  trustedProxies: z
    .array(known)
    .default([])
    .describe('Addresses of your own proxy or external CDN in front: what they say about their client is believed'),
  clientAddressHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'should be the name of a header, such as CF-Connecting-IP')
    .default('X-Forwarded-For')
    .describe('Header in which trusted proxies name their client'),
  operators: z.array(known).default([]).describe('Addresses that are served during maintenance'),
  waf: wafSettings.prefault({}).describe('Web application firewall: ModSecurity with the OWASP CRS'),
  memory: size('512m', '64m').describe('Memory limit of the container; more of it holds more connections'),
  cpus: cpus(2).describe('Processors that the container may use at most; never more than the host has'),
});

export const edgeSettings = fields.superRefine(refuseUnreadLogins);

export type EdgeSettings = z.output<typeof edgeSettings>;
