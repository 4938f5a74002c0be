import type { Revocation } from './x509.ts';

export interface KeyedCertificate {
  certificate: string;
  privateKey: string;
}

/** All that the internal CA is, kept as one file: whatever belongs together is switched together. */
export interface CaRecord {
  /** The root. Its key may be kept elsewhere: only new intermediates need it. */
  certificate: string;
  privateKey?: string;
  /** What signs the leaves. */
  intermediate?: KeyedCertificate;
  /** The root signed by the one before it, so that a client that trusts only that one keeps working while roots change. */
  cross?: string;
  /** Roots that are still trusted beside this one. */
  previous?: string[];
  revoked?: Revocation[];
  /** Intermediates before the present one: what they signed can still be revoked. */
  retired?: KeyedCertificate[];
  /** The lists that roots have signed: of no intermediate, and as long-lived as they are. */
  rootLists?: string;
  /** All lists of revoked certificates, in PEM. */
  lists?: string;
  /** Client certificates and others that were handed out: serial -> who for. */
  issued?: Record<string, { name: string; notAfter: string }>;
}

/** Where the CA keeps its record. */
export interface CaStore {
  load(): CaRecord | undefined;
  save(ca: CaRecord): void;
}

/** Every root that is to be trusted, the present one first. */
export const trustedRoots = (ca: CaRecord): string[] => [ca.certificate, ...(ca.previous ?? [])];

/** What a server sends behind its own certificate. */
export const chainOf = (ca: CaRecord): string => (ca.intermediate?.certificate ?? '') + (ca.cross ?? '');
