import { X509Certificate } from 'node:crypto';
import http from 'node:http';
import { isSelfSigned, isSignedBy } from '../plan/chain.ts';
import { type Bundle, type Checked, checkBundle } from '../plan/import-check.ts';

/** Longer chains are not in use; and none sends us from one address to the next for ever. */
const MOST_ROUNDS = 4;
/** For all of them. */
const PATIENCE = 8_000;
/** A certificate has about 2 KiB. */
const LARGEST = 64 * 1024;

/**
 * Checks a bundle; a chain that ends early is completed with what its last certificate says of its issuer (RFC 5280,
 * 4.2.2.1). That address is asked by plain HTTP, as CAs have it, and no redirect is followed. What comes is taken only where
 * it has signed the certificate, and is no root.
 * @param onFetch told each address before it is asked
 */
export async function completeChain(
  bundle: Bundle,
  names: readonly string[],
  now: Date,
  roots: readonly X509Certificate[],
  onFetch: (url: string) => void,
): Promise<Checked> {
  const deadline = Date.now() + PATIENCE;
  let checked = checkBundle(bundle, names, now, roots);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const missing = checked.problems.find(({ kind }) => kind === 'missing-intermediate');
    const last = checked.chain.at(-1);
    const url = /CA Issuers - URI:(http:\/\/\S+)/.exec(last?.infoAccess ?? '')?.[1];
    if (!missing || !last || url === undefined) break;
    onFetch(url);
    try {
      const issuer = await fetchCertificate(url, deadline - Date.now());
      if (isSelfSigned(issuer)) throw new Error('gave a root, which has to be known already');
      if (!isSignedBy(last, issuer)) throw new Error('gave a certificate that has not signed it');
      bundle.certificates.push(issuer);
    } catch (error) {
      missing.message += `; its address ${url} ${(error as Error).message}`;
      break;
    }
    checked = checkBundle(bundle, names, now, roots);
  }
  return checked;
}

/** @throws Error that goes on after `its address ...` */
function fetchCertificate(url: string, patience: number): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(Math.max(patience, 1));
    const fail = (error: Error) => reject(signal.aborted ? new Error(`did not answer within ${PATIENCE / 1000} s`) : error);
    const request = http.get(url, { agent: false, signal }, (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('error', fail);
      if (response.statusCode !== 200) {
        fail(new Error(`answered with status ${response.statusCode}`));
        request.destroy();
        return;
      }
      response.on('data', (part: Buffer) => {
        parts.push(part);
        size += part.length;
        if (size > LARGEST) response.destroy(new Error(`answered with more than ${LARGEST / 1024} KiB`));
      });
      response.on('end', () => {
        try {
          resolve(new X509Certificate(Buffer.concat(parts)));
        } catch {
          reject(new Error('answered with something else than a certificate in DER or PEM'));
        }
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => fail(new Error(`cannot be reached (${error.code ?? error.message})`)));
  });
}
