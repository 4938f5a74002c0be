import { UserError } from '../../core/errors.ts';
import { bracketed } from '../../core/ip-address.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { bindArgs } from '../../docker/mount-args.ts';
import type { AcmeSettings } from '../../settings/certificate-fields.ts';
import { listenAddresses } from '../../settings/fields.ts';
import type { CertificateSpec } from '../../stack/types.ts';

export interface LegoWish {
  acme: AcmeSettings;
  url: string;
  spec: CertificateSpec;
  /** A certificate for the same names is there: it is replaced, which a CA with renewal information does not count. */
  again: boolean;
  data: string;
  hidden: string;
  webroot: string;
  network: string;
  image: string;
  /** The server's root is in `hidden`. */
  ca: boolean;
  edge: { address: string | readonly string[] };
}

/** The argument list of `docker run` for one order. */
export function legoArgs(wish: LegoWish): string[] {
  const { acme, spec } = wish;
  const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return [
    ...['run', '--rm', '--init', '--pull', 'never', '--network', wish.network, '--user', owner],
    ...HARDENED,
    ...['--memory', '256m', '--pids-limit', '128'],
    ...[...bindArgs(wish.data, '/lego'), ...bindArgs(wish.hidden, '/run/acme', 'readonly'), ...bindArgs(wish.webroot, '/webroot')],
    ...(wish.ca ? ['--env', 'LEGO_CA_CERTIFICATES=/run/acme/root.pem'] : []),
    // lego starts its server there; the edge does not use the port, or Docker refuses it.
    ...(acme.challenge === 'tls-alpn'
      ? listenAddresses(wish.edge.address).flatMap((address) => ['--publish', `${bracketed(address)}:443:8443`])
      : []),
    wish.image,
    ...[
      '--path',
      '/lego',
      '--server',
      wish.url,
      '--accept-tos',
      ...(acme.email ? ['--email', acme.email] : []),
      '--key-type',
      acme.keyType,
    ],
    ...spec.subjects.flatMap((name) => ['--domains', name]),
    ...challengeArgs(acme),
    ...(wish.again ? ['renew', '--days', '3650', '--no-random-sleep'] : ['run']),
    ...(acme.profile ? ['--profile', acme.profile] : []),
    ...(acme.preferredChain ? ['--preferred-chain', acme.preferredChain] : []),
  ];
}

function challengeArgs({ challenge, dns }: AcmeSettings): string[] {
  if (challenge === 'http') return ['--http', '--http.webroot', '/webroot'];
  if (challenge === 'tls-alpn') return ['--tls', '--tls.port', ':8443'];
  if (!dns.provider) {
    throw new UserError(
      'INVALID_SETTINGS',
      'certificates.acme.dns.provider: is missing, and the challenge `dns` needs to know who serves your zone',
      'name it as lego does, such as cloudflare or duckdns (https://go-acme.github.io/lego/dns)',
    );
  }
  return [
    '--dns',
    dns.provider,
    ...dns.resolvers.flatMap((server) => ['--dns.resolvers', server]),
    ...(dns.waitSeconds === undefined ? [] : ['--dns.propagation-wait', `${dns.waitSeconds}s`]),
  ];
}
