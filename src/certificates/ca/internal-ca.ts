import type { CertificateSpec } from '../../stack/types.ts';
import { BACKDATE, endOf, readyCa } from './authority.ts';
import { type CaRecord, type CaStore, chainOf, type KeyedCertificate } from './ca-record.ts';
import type { IssuedCertificate, Issuer } from './issuer.ts';

export type { CaStore } from './ca-record.ts';

const DAY = 24 * 3600 * 1000;

/**
 * The CA of this installation: a root made at first use (RSA 3072), an intermediate below it, leaves with ECDSA keys on
 * P-256, all signed with SHA-256 (RFC 5280 profiles). An ECDSA handshake costs a server a twentieth of an RSA one, and
 * replicas have one thread.
 */
export function internalCa(store: CaStore, project: string): Issuer {
  return {
    name: 'internal-ca',
    issue: async (spec, now) => issueLeaf(await readyCa(store, project, now), spec, now),
  };
}

async function issueLeaf(ca: CaRecord & { intermediate: KeyedCertificate }, spec: CertificateSpec, now: Date): Promise<IssuedCertificate> {
  const { ecKey, leafExtensions, sign } = await import('./x509.ts');
  const { spki, privateKey } = await ecKey();
  const { certificate, serial } = await sign(
    {
      // RFC 5280 limits a common name to 64 characters; clients read the alternative names only.
      // etcd takes the common name of a client for that of a user, and its gateway refuses one that has any: members have none.
      subject: { [spec.client && !spec.named ? 'OU' : 'CN']: (spec.subjects[0] ?? spec.name).slice(0, 64) },
      notBefore: new Date(now.getTime() - BACKDATE),
      notAfter: new Date(Math.min(now.getTime() + spec.days * DAY, endOf(ca.intermediate.certificate).getTime())),
      issuer: ca.intermediate,
      extensions: leafExtensions(spec.subjects, spec.client ? ['server', 'client'] : ['server'], spec.listUrl),
    },
    spki,
    privateKey,
  );
  return { serial, certificate, chain: chainOf(ca), root: ca.certificate, privateKey };
}
