import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { wayOut } from '../shared/way-out.ts';
import { SIGN_ON, SIGN_ON_HOST } from './settings/address.ts';
import type { SignOnSettings } from './settings/sign-on-settings.ts';

const WAY_HOST = 68;

/** What an LDAP of the operator adds to the service: a file, secrets, and the container that leads there. */
interface LdapPart {
  files: Record<string, string>;
  secrets: SecretSpec[];
  ways: Blueprint[];
}

/** The part of an LDAP; nothing without one. */
export function ldapPart({ ldap }: SignOnSettings, input: BuildInput): LdapPart {
  if (ldap.url === undefined) return { files: {}, secrets: [], ways: [] };
  const { url, ca, bindPassword, bindDn, ...plain } = ldap;
  const { protocol, hostname, port: given } = new URL(url);
  const port = Number(given) || (protocol === 'ldaps:' ? 636 : 389);
  const secrets: [string, typeof ca][] = [
    ['sign-on-ldap-password', bindPassword],
    ['sign-on-ldap-ca', ca],
  ];
  // The certificate is checked for `host`; the connection leads to the container that passes it on.
  const file = {
    ...{ host: hostname.replace(/^\[|\]$/g, ''), connect: { host: input.address('auth', WAY_HOST), port } },
    ...{ tls: protocol === 'ldaps:' ? 'implicit' : 'starttls', hasCa: ca !== undefined, ...plain },
    ...(bindDn !== undefined && { bindDn }),
  };
  return {
    files: { 'ldap.json': `${JSON.stringify(file, null, 2)}\n` },
    secrets: secrets.flatMap(([name, value]) => (value ? [{ name, source: { given: value } }] : [])),
    ways: [
      wayOut(
        {
          ...{ name: 'sign-on-ldap', host: WAY_HOST, target: hostname, port, url: `${protocol}//${hostname}:${port}` },
          callers: [input.address('auth', SIGN_ON_HOST)],
          component: SIGN_ON,
          interruption: 'about 2 s: users of LDAP cannot sign in',
        },
        input,
      ),
    ],
  };
}
