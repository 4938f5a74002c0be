import { X509Certificate } from 'node:crypto';
import type { CertificateSpec } from '../stack/types.ts';

/** Reads what is asked of a certificate from its PEM. @throws when it is no certificate */
export function certificateFacts(pem: string) {
  const certificate = new X509Certificate(pem);
  return {
    serial: certificate.serialNumber,
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    subjects: (certificate.subjectAltName ?? '').split(', ').flatMap((entry) => {
      const [kind, value = ''] = entry.split(/:(.*)/s);
      return kind === 'DNS' || kind === 'IP Address' ? [normalAddress(value)] : [];
    }),
  };
}

/**
 * Why a certificate has to be issued now, or undefined while it is good: missing, other names wanted, or less than a
 * third of its lifetime left (the rule of Let's Encrypt's integration guide for clients without ARI).
 */
export function renewalCause(spec: CertificateSpec, pem: string | undefined, now: Date): string | undefined {
  if (pem === undefined) return 'is not there yet';
  const facts = readable(pem);
  if (!facts) return 'is damaged';
  const { notBefore, notAfter, subjects } = facts;
  const missing = spec.subjects.filter((subject) => !subjects.includes(normalAddress(subject)));
  if (missing.length > 0) return `lacks the name ${missing.join(', ')}`;
  const left = notAfter.getTime() - now.getTime();
  if (left <= 0) return `expired on ${notAfter.toISOString().slice(0, 10)}`;
  if (now < notBefore) return 'is not valid yet';
  return left < (notAfter.getTime() - notBefore.getTime()) / 3 ? `expires on ${notAfter.toISOString().slice(0, 10)}` : undefined;
}

function readable(pem: string): ReturnType<typeof certificateFacts> | undefined {
  try {
    return certificateFacts(pem);
  } catch {
    return undefined;
  }
}

/** node prints IPv6 addresses in full (`0:0:0:0:0:0:0:1`); compare them in the form that URLs use. */
function normalAddress(text: string): string {
  return text.includes(':') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text.toLowerCase();
}
