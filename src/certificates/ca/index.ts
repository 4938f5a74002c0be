import { UserError } from '../../core/errors.ts';
import { type CaStore, internalCa } from './internal-ca.ts';
import type { Issuer } from './issuer.ts';
import { selfSigned } from './self-signed.ts';

interface IssuerContext {
  store: CaStore;
  project: string;
  /** Orders from the ACME server; missing while `up` starts the stack. */
  acme: Issuer | undefined;
}

/** The internal CA in place of an outside one, and for a short time: an ACME server checks a name by asking the running portal. */
const standIn = ({ store, project }: IssuerContext): Issuer => ({
  name: 'stand-in',
  issue: (spec, now) => internalCa(store, project).issue({ ...spec, days: 30 }, now),
});

/** Every issuer, by the name that settings use. */
const ISSUERS: Record<string, (context: IssuerContext) => Issuer> = {
  'internal-ca': ({ store, project }) => internalCa(store, project),
  'self-signed': () => selfSigned,
  acme: (context) => context.acme ?? standIn(context),
  // `certs import` brings the certificate.
  imported: standIn,
};

/** @throws UserError CERTIFICATE_FAILED if there is no such issuer */
export function issuerNamed(name: string, store: CaStore, project: string, acme?: Issuer): Issuer {
  const make = ISSUERS[name];
  if (!make)
    throw new UserError('CERTIFICATE_FAILED', `there is no certificate issuer ${name}`, `choose one of ${Object.keys(ISSUERS).join(', ')}`);
  return make({ store, project, acme });
}
