import { UserError } from '../errors.ts';
import { type CaStore, internalCa } from './internal-ca.ts';
import type { Issuer } from './issuer.ts';

/** Every issuer there is, by the name that settings use. */
const ISSUERS: Record<string, (store: CaStore, project: string) => Issuer> = {
  'internal-ca': internalCa,
};

export function issuerNamed(name: string, store: CaStore, project: string): Issuer {
  const make = ISSUERS[name];
  if (!make)
    throw new UserError('CERTIFICATE_FAILED', `there is no certificate issuer ${name}`, `choose one of ${Object.keys(ISSUERS).join(', ')}`);
  return make(store, project);
}
