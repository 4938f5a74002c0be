import type { CertificateSpec } from '../../stack/types.ts';

/** A certificate with its key, all in PEM. The key is made on this host and never leaves it. */
export interface IssuedCertificate {
  /** Upper-case hex, as openssl prints it. */
  serial: string;
  certificate: string;
  /** Issuers from the nearest to the root's child; the root itself for clients that are to trust it. */
  chain: string;
  root: string | undefined;
  privateKey: string;
}

/** Issues certificates. */
export interface Issuer {
  readonly name: string;
  /** @param now the time that validity counts from. @throws UserError CERTIFICATE_FAILED with the fix */
  issue(spec: CertificateSpec, now: Date): Promise<IssuedCertificate>;
}
