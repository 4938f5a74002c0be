import { UserError } from '../../core/errors.ts';
import { certificateTarget } from '../../stack/certificates.ts';
import type { CertificateSpec } from '../../stack/types.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';

/** Every portal can also be opened by these on the host itself. */
export const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];

/** Names that are served with one certificate. */
export interface Site {
  names: string[];
  certificate: CertificateSpec;
}

const covers = (pattern: string, name: string): boolean =>
  pattern === name || (pattern.startsWith('*.') && name.slice(name.indexOf('.')) === pattern.slice(1));

/** Which certificate each of the names gets. The first is the internal one, which everything else is answered with. */
export function edgeSites(own: EdgeSettings, names: readonly string[], listUrl: string): Site[] {
  const rest = names.filter((name) => !LOCAL_NAMES.includes(name));
  const entries = own.certificates.map((entry) => ({
    ...entry,
    served: rest.filter((name) => entry.names.some((known) => covers(known, name))),
  }));
  for (const [index, entry] of entries.entries()) refuseUseless(entry, entries.slice(0, index));
  const others = rest.filter((name) => !entries.some(({ served }) => served.includes(name)));
  const local = own.certificate === 'self-signed' ? 'self-signed' : 'internal-ca';
  const apart = own.certificate === 'acme' || own.certificate === 'imported';
  const main = [...(apart ? [] : others), ...names.filter((name) => LOCAL_NAMES.includes(name))];
  const site = (name: string, served: string[], subjects: string[], issuer: string): Site => ({
    names: served,
    certificate: {
      name,
      subjects,
      issuer,
      ...(subjects[0] !== served[0] && { askFor: served[0] as string }),
      ...(issuer === 'internal-ca' && { listUrl }),
      days: 90,
    },
  });
  const sites = [
    site('edge', main, main, local),
    ...(apart && others.length > 0 ? [site('edge-public', others, others, own.certificate)] : []),
    ...entries.map(({ names: known, served, issuer }) => site(folderOf(known[0] as string), served, known, issuer)),
  ];
  for (const { certificate } of sites) if (certificate.issuer === 'acme') refuseUnprovable(certificate);
  return sites;
}

const folderOf = (name: string): string => `edge-${name.replace('*', 'wildcard').replaceAll(':', '-')}`;

function refuseUseless(entry: { names: string[]; served: string[] }, before: readonly { names: string[] }[]): void {
  const where = `edge.certificates: ${entry.names.join(', ')}`;
  const twice = entry.names.find((name) => before.some(({ names }) => names.includes(name)));
  if (twice) throw new UserError('INVALID_SETTINGS', `${where}: ${twice} has a certificate already`, 'name it in one of them');
  if (entry.served.length === 0)
    throw new UserError('INVALID_SETTINGS', `${where}: none of these is a domain of the portal`, 'add it to `edge.domains` too');
}

function refuseUnprovable({ subjects }: CertificateSpec): void {
  const local = subjects.find((name) => name.includes(':') || /^\d+(\.\d+){3}$/.test(name) || !name.includes('.'));
  if (!local) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `${local} is no public name, so no ACME server can issue a certificate for it`,
    'leave it to the internal CA: name the public ones under `edge.certificates` with issuer: acme',
  );
}

/** How nginx finds a site's files. */
export function siteView(own: { certificate: CertificateSpec }, { names, certificate }: Site, urlHost: (name: string) => string) {
  const folder = `${certificateTarget(own, certificate)}/current`;
  return { names: names.map(urlHost), certificate: certificate.name, folder };
}
