import type { CertificateSpec } from '../stack/types.ts';
import { type AcmeRun, acmeIssue } from './acme/acme.ts';
import { issuerNamed } from './ca/index.ts';
import type { IssuedCertificate } from './ca/issuer.ts';
import { caStore } from './store/ca-store.ts';

/** A new certificate from its issuer. Imported certificates come only from the operator. */
export async function acquire(run: AcmeRun, spec: CertificateSpec): Promise<IssuedCertificate> {
  if (spec.issuer === 'acme') return acmeIssue(run, spec);
  return issuerNamed(spec.issuer, caStore(run.state), run.loaded.settings.project).issue(spec, run.context.clock.now());
}
