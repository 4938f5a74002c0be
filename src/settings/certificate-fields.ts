import * as z from 'zod';
import { secret } from './fields.ts';

/** Who can issue a certificate for names of the portal. */
export const issuerName = (fallback: 'internal-ca') => z.enum(['internal-ca', 'self-signed', 'acme', 'imported']).default(fallback);

/** Why a text is no name that a certificate can have, or undefined. */
export function nameProblem(text: string): string | undefined {
  const name = text.startsWith('*.') ? text.slice(2) : text;
  if (/[^\u0021-\u007e]/.test(text))
    return `holds letters beyond ASCII: write it as browsers send it (xn--...; \`node -p "url.domainToASCII('${text.replace(/[^\p{L}\p{N}.*-]/gu, '')}')"\` shows it)`;
  if (name.includes('*')) return 'has more than one wildcard, or not at its start: a certificate takes one, such as *.example.org';
  if (name.includes('_')) return 'has an underscore, which no authority puts into a certificate';
  if (name !== name.toLowerCase()) return 'should be in lower-case letters';
  if (name.length > 253) return 'is longer than 253 characters';
  const long = name.split('.').find((label) => label.length > 63);
  if (long) return `has a part of ${long.length} characters, and 63 are the most`;
  if (/^\d+(\.\d+){3}$/.test(name) || name.includes(':')) return text.startsWith('*.') ? 'is an address, which has no wildcard' : undefined;
  return /^(?!-)[a-z0-9-]+(?<!-)(\.(?!-)[a-z0-9-]+(?<!-))*$/.test(name) ? undefined : 'should be a host name such as media.example.org';
}

export const certificateName = z.string().superRefine((text, context) => {
  const message = nameProblem(text);
  if (message) context.addIssue({ code: 'custom', message, input: text });
});

const acme = z.strictObject({
  directory: z
    .union(
      [z.enum(['letsencrypt', 'letsencrypt-staging']), z.url({ protocol: /^https$/ })],
      'should be `letsencrypt`, `letsencrypt-staging`, or the address of another ACME directory (https://...)',
    )
    .default('letsencrypt')
    .describe('ACME directory that certificates are ordered from; using it means that you agree to its terms of service'),
  root: z
    .string()
    .min(1)
    .optional()
    .describe('File with the root certificate of that server, where no system trusts it (relative to medianest.yml)'),
  email: z.email('should be an e-mail address').optional().describe('Where the CA tells you about your account'),
  challenge: z
    .enum(['http', 'dns', 'tls-alpn'])
    .default('http')
    .describe(
      'How to prove that a name is yours: a file on port 80, a DNS record (wildcards too), or a handshake on port 443 while the edge does not use it',
    ),
  dns: z
    .strictObject({
      provider: z
        .string()
        .regex(/^[a-z0-9-]+$/, 'should be a provider’s name as lego lists it, such as cloudflare')
        .optional()
        .describe('Provider of your DNS zone, by lego’s name (https://go-acme.github.io/lego/dns)'),
      credentials: secret().describe(
        'Lines NAME=value with what lego asks of this provider, such as CF_DNS_API_TOKEN; best as file:./dns.env',
      ),
      resolvers: z
        .array(z.string().regex(/^[\w.:[\]-]+$/, 'should be address:port'))
        .default([])
        .describe('Name servers that are asked, as address:port; the system’s where none are given'),
      waitSeconds: z.int().min(0).max(3600).optional().describe('Wait this long instead of asking the zone’s servers for the record'),
    })
    .prefault({})
    .describe('The challenge `dns`'),
  eab: z
    .strictObject({
      kid: z
        .string()
        .regex(/^[\x21-\x7e]+$/, 'should be one word')
        .optional()
        .describe('Key identifier'),
      hmac: secret().describe('Key, in base64url'),
    })
    .prefault({})
    .describe('External account binding, where the CA gave you one'),
  profile: z
    .string()
    .regex(/^[\w.-]+$/, 'should be one word')
    .optional()
    .describe('Certificate profile that the CA offers, such as `shortlived`'),
  keyType: z.enum(['ec256', 'ec384', 'rsa2048', 'rsa3072', 'rsa4096']).default('ec256').describe('Key of the certificate'),
  preferredChain: z
    .string()
    .min(1)
    .optional()
    .describe('Common name of the root or issuer whose chain is preferred, where the CA offers several'),
  preflight: z
    .boolean()
    .default(true)
    .describe(
      'Check before an order that each name leads to this host and that its CAA records allow the CA, so that no rate limit is used up',
    ),
});

export const certificateSettings = z.strictObject({
  acme: acme.prefault({}).describe('ACME, such as Let’s Encrypt'),
});

export type AcmeSettings = z.output<typeof acme>;
