import type { CertificateSpec } from '../../stack/types.ts';
import { certificateOf, certificatesIn, isSelfSigned, leadsTo } from './chain.ts';

/** Reads what is asked of a certificate from its PEM. @throws when it is no certificate */
export function certificateFacts(pem: string) {
  const certificate = certificateOf(pem);
  return {
    serial: certificate.serialNumber,
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    purposes: certificate.keyUsage ?? [],
    subjects: (certificate.subjectAltName ?? '').split(', ').flatMap((entry) => {
      const [kind, value = ''] = entry.split(/:(.*)/s);
      return kind === 'DNS' || kind === 'IP Address' ? [normalAddress(value)] : [];
    }),
  };
}

/** What the internal CA says of certificates: the roots that are trusted, and serials that are not any more. */
export interface Verdicts {
  roots: readonly string[];
  revoked: readonly string[];
}

export const REVOKED = 'is revoked';

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * Why a certificate has to be issued now, or undefined while it is good: missing, other names or uses wanted, revoked, from
 * an authority that is not believed any more, or less than a third of its lifetime left (the rule of Let's Encrypt's
 * integration guide for clients without ARI).
 * @param pem with its chain
 * @param internal what the internal CA says; without it nothing is said about who signed
 */
export function renewalCause(spec: CertificateSpec, pem: string | undefined, now: Date, internal?: Verdicts): string | undefined {
  if (pem === undefined) return 'is not there yet';
  const facts = readable(pem);
  if (!facts) return 'is damaged';
  const { serial, notBefore, notAfter, subjects, purposes } = facts;
  const missing = spec.subjects.filter((subject) => !subjects.includes(normalAddress(subject)));
  if (missing.length > 0) return `lacks the name ${missing.join(', ')}`;
  if (spec.client && !purposes.includes(CLIENT_AUTH)) return 'does not say that it may be used by a client';
  const left = notAfter.getTime() - now.getTime();
  if (left <= 0) return `expired on ${notAfter.toISOString().slice(0, 10)}`;
  if (now < notBefore) return 'is not valid yet';
  return (
    (internal && signerCause(spec, pem, internal.roots)) ??
    (internal?.revoked.includes(serial) ? REVOKED : undefined) ??
    (left < (notAfter.getTime() - notBefore.getTime()) / 3 ? `expires on ${notAfter.toISOString().slice(0, 10)}` : undefined)
  );
}

/** Whether it is by whom it should be. */
function signerCause(spec: CertificateSpec, pem: string, roots: readonly string[]): string | undefined {
  const [leaf, ...sent] = certificatesIn(pem);
  if (!leaf) return 'is damaged';
  if (spec.issuer === 'self-signed') return isSelfSigned(leaf) ? undefined : 'is not self-signed';
  const own = leadsTo(leaf, sent, roots.map(certificateOf));
  if (spec.issuer === 'internal-ca') return own ? undefined : 'is signed by an authority that is not trusted (any more)';
  return own ? `stands in until ${spec.issuer === 'acme' ? 'the ACME server has issued one' : 'one is imported'}` : undefined;
}

/**
 * Why `up` itself has to issue one. What comes from outside is acquired once everything runs: until then the internal CA's
 * stands in, and a good one is never replaced by that.
 */
export function upCause(spec: CertificateSpec, pem: string | undefined, now: Date, internal?: Verdicts): string | undefined {
  const outside = spec.issuer === 'acme' || spec.issuer === 'imported';
  if (!outside) return renewalCause(spec, pem, now, internal);
  return pem === undefined ? 'is not there yet' : readable(pem) ? undefined : 'is damaged';
}

function readable(pem: string): ReturnType<typeof certificateFacts> | undefined {
  try {
    return certificateFacts(pem);
  } catch {
    return undefined;
  }
}

/** node prints IPv6 addresses in full (`0:0:0:0:0:0:0:1`); compare them in the form that URLs use. */
export function normalAddress(text: string): string {
  return text.includes(':') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text.toLowerCase();
}
