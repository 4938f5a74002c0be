import type { DockerCli } from '../../docker/compose.ts';
import type { CertificateSpec } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import type { IssuedCertificate, Issuer } from '../ca/issuer.ts';
import { type Owner, writeCertificate } from './install.ts';

/** Obtains a certificate and writes it beside the present one: services read it once `switchCertificate` has switched to it. */
export async function issueCertificate(
  issuer: Issuer,
  spec: CertificateSpec,
  owner: Owner,
  { state, docker, now }: { state: StateFolder; docker: DockerCli; now: Date },
): Promise<IssuedCertificate> {
  const issued = await issuer.issue(spec, now);
  await writeCertificate(state, spec.name, issued, owner, docker);
  return issued;
}
