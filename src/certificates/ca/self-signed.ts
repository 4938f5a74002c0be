import { BACKDATE } from './authority.ts';
import type { Issuer } from './issuer.ts';

const DAY = 24 * 3600 * 1000;

/** A self-signed certificate: for a laptop, where a CA would be too much. */
export const selfSigned: Issuer = {
  name: 'self-signed',
  issue: async (spec, now) => {
    const { ecKey, leafExtensions, sign } = await import('./x509.ts');
    const { spki, privateKey } = await ecKey();
    const wish = {
      subject: { CN: (spec.subjects[0] ?? spec.name).slice(0, 64) },
      notBefore: new Date(now.getTime() - BACKDATE),
      notAfter: new Date(now.getTime() + spec.days * DAY),
      extensions: leafExtensions(spec.subjects, ['server']),
    };
    return { ...(await sign(wish, spki, privateKey)), chain: '', root: undefined, privateKey };
  },
};
