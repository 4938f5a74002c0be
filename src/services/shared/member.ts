import type { Secret } from '../../core/secret.ts';
import type { CertificateSpec, SecretSpec } from '../../stack/types.ts';

/** The certificate of a member of a group: it serves by it, and proves by it who it is when it calls the others. */
export const memberCertificate = (name: string, more: readonly string[]): CertificateSpec => ({
  name,
  subjects: [name, ...more, 'localhost', '127.0.0.1'],
  issuer: 'internal-ca',
  client: true,
  days: 90,
});

/** A password that is made at random. */
export const generated = (name: string): SecretSpec => ({ name, source: { generate: true } });

/** Two passwords that are valid at the same time, so that one can be replaced while the other is in use; a given one is the first. */
export const slots = (group: string, name: string, given?: Secret): SecretSpec[] =>
  (['a', 'b'] as const).map((of) => ({
    name: `${name}-${of}`,
    source: given && of === 'a' ? { given } : { generate: true },
    slot: { group, of },
  }));
