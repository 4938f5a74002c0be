import { UserError } from '../../core/errors.ts';
import { type CaStore, internalCa } from './internal-ca.ts';
import type { Issuer } from './issuer.ts';
import { selfSigned } from './self-signed.ts';

/** The internal CA in place of an issuer outside: until the portal runs, it cannot prove to an ACME server that it owns a name. */
const standIn = (store: CaStore, project: string): Issuer => ({
  name: 'stand-in',
  issue: (spec, now) => internalCa(store, project).issue({ ...spec, days: 30 }, now),
});

/** Every issuer that this host is by itself, by the name that settings use; those outside are asked by certificates/issue.ts. */
const ISSUERS: Record<string, (store: CaStore, project: string) => Issuer> = {
  'internal-ca': internalCa,
  'self-signed': () => selfSigned,
  acme: standIn,
  imported: standIn,
};

export function issuerNamed(name: string, store: CaStore, project: string): Issuer {
  const make = ISSUERS[name];
  if (!make)
    throw new UserError('CERTIFICATE_FAILED', `there is no certificate issuer ${name}`, `choose one of ${Object.keys(ISSUERS).join(', ')}`);
  return make(store, project);
}
