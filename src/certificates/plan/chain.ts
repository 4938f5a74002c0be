import { X509Certificate } from 'node:crypto';

const ONE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;
const PEM = new RegExp(ONE, 'g');

/** A command asks several times about the few certificates that it meets. */
const KNOWN = 64;
const known = new Map<string, X509Certificate>();

/** The first certificate of a PEM text, parsed once. @throws when there is none */
export function certificateOf(pem: string): X509Certificate {
  const [first = pem] = pem.match(ONE) ?? [];
  const parsed = known.get(first) ?? new X509Certificate(first);
  if (known.size >= KNOWN) known.clear();
  known.set(first, parsed);
  return parsed;
}

/** The certificates of a PEM text, in its order. @throws where one cannot be read */
export const certificatesIn = (pem: string): X509Certificate[] => (pem.match(PEM) ?? []).map(certificateOf);

/** Whether one certificate was signed by another: the names fit, and so does the signature. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

const sameKey = (a: X509Certificate, b: X509Certificate): boolean => a.subject === b.subject && a.publicKey.equals(b.publicKey);

/** Whether a certificate leads to one of these roots, by way of what is sent with it. */
export function leadsTo(leaf: X509Certificate, sent: readonly X509Certificate[], roots: readonly X509Certificate[]): boolean {
  if (roots.some((root) => sameKey(leaf, root) || isSignedBy(leaf, root))) return true;
  const rest = sent.filter((other) => other !== leaf);
  return rest.some(
    (issuer) =>
      isSignedBy(leaf, issuer) &&
      leadsTo(
        issuer,
        rest.filter((other) => other !== issuer),
        roots,
      ),
  );
}

/** From the leaf upwards, each signed by the next; what does not belong to it is left out, and so is a root. */
export function chainFrom(leaf: X509Certificate, others: readonly X509Certificate[]): X509Certificate[] {
  const issuer = others.find((other) => other !== leaf && !isSelfSigned(other) && isSignedBy(leaf, other));
  return issuer
    ? [
        leaf,
        ...chainFrom(
          issuer,
          others.filter((other) => other !== issuer),
        ),
      ]
    : [leaf];
}

export const isSelfSigned = (certificate: X509Certificate): boolean => isSignedBy(certificate, certificate);
