import type { CertificateSpec } from '../stack/types.ts';

/** The certificate of a member of a group: it serves by it, and proves by it who it is when it calls the others. */
export const memberCertificate = (name: string, more: readonly string[]): CertificateSpec => ({
  name,
  subjects: [name, ...more, 'localhost', '127.0.0.1'],
  issuer: 'internal-ca',
  client: true,
  days: 90,
});
