import { createPrivateKey, X509Certificate } from 'node:crypto';
import { UserError } from '../../core/errors.ts';
import { BACKDATE, endOf, newRoot, readyCa, withNewIntermediate, withNewLists } from './authority.ts';
import type { CaRecord, CaStore, KeyedCertificate } from './ca-record.ts';
import type { Revocation, RevocationReason } from './x509.ts';

/** A CA whose root's key is on this host. @throws UserError CERTIFICATE_FAILED where it is kept elsewhere */
function requireRootKey(ca: CaRecord): CaRecord & { privateKey: string } {
  if (ca.privateKey) return ca as CaRecord & { privateKey: string };
  throw new UserError(
    'CERTIFICATE_FAILED',
    'the root’s key is not on this host; nothing was changed',
    'bring it back for as long as this takes: medianest certs ca import FILE',
  );
}

/** A new intermediate under the same root: clients have nothing new to trust. */
export async function rotateIntermediate(store: CaStore, project: string, now: Date): Promise<CaRecord> {
  const ca = requireRootKey(await readyCa(store, project, now));
  const next = await withNewLists(await withNewIntermediate(ca, project, now), now);
  store.save(next);
  return next;
}

/**
 * A new root, and an intermediate below it. The old root signs the new one too, so that servers with new certificates
 * are trusted by clients that know either of them: nothing has to change at the same time.
 */
export async function rotateRoot(store: CaStore, project: string, now: Date): Promise<CaRecord> {
  const old = requireRootKey(await readyCa(store, project, now));
  if (old.previous?.length) {
    throw new UserError(
      'CERTIFICATE_FAILED',
      'the root was changed before, and its predecessor is still trusted; nothing was changed',
      'once every device trusts the present one: medianest certs ca rotate --finish',
    );
  }
  const { authorityExtensions, sign } = await import('./x509.ts');
  const root = await newRoot(project, now);
  const parsed = new X509Certificate(root.certificate);
  const { certificate: cross } = await sign(
    {
      subject: Object.fromEntries(parsed.subject.split('\n').map((part) => part.split(/=(.*)/s).slice(0, 2))),
      notBefore: new Date(now.getTime() - BACKDATE),
      notAfter: endOf(old.certificate),
      issuer: { certificate: old.certificate, privateKey: old.privateKey },
      extensions: authorityExtensions(1),
    },
    parsed.publicKey.export({ format: 'der', type: 'spki' }) as Buffer,
    root.privateKey,
  );
  const next = await withNewLists(
    await withNewIntermediate(
      { ...old, ...root, cross, previous: [old.certificate], rootLists: (root.rootLists ?? '') + (old.rootLists ?? '') },
      project,
      now,
    ),
    now,
  );
  store.save(next);
  return next;
}

/** The old root is trusted no longer, nor what was signed below it. */
export async function finishRotation(store: CaStore, now: Date): Promise<CaRecord> {
  const ca = store.load();
  if (!ca?.previous?.length) {
    throw new UserError(
      'CERTIFICATE_FAILED',
      'no change of the root is under way; nothing was changed',
      'medianest certs ca rotate --root begins one',
    );
  }
  const { previous: _, cross: __, retired: ___, ...rest } = ca;
  const next = await withNewLists(rest, now);
  store.save(next);
  return next;
}

/** The root's key is taken off this host. */
export function removeRootKey(store: CaStore, ca: CaRecord): void {
  const { privateKey: _, ...rest } = ca;
  store.save(rest);
}

/** The root's key comes back, or a root of the operator's own is taken over where there is none yet. */
export function restoreRootKey(store: CaStore, root: KeyedCertificate): void {
  const ca = store.load();
  if (!new X509Certificate(root.certificate).checkPrivateKey(createPrivateKey(root.privateKey)))
    throw new UserError(
      'CERTIFICATE_REFUSED',
      'the key does not belong to the root certificate; nothing was changed',
      'export it again from where it was made',
    );
  if (ca && new X509Certificate(ca.certificate).fingerprint256 !== new X509Certificate(root.certificate).fingerprint256) {
    throw new UserError(
      'CERTIFICATE_REFUSED',
      'this is another root than the one of this installation; nothing was changed',
      'take the file that `certs ca export` of this installation wrote',
    );
  }
  store.save({ ...(ca ?? { certificate: root.certificate }), privateKey: root.privateKey });
}

/** Notes that a certificate is not to be believed any more, and signs the list that says so. */
export async function revoke(store: CaStore, project: string, serial: string, reason: RevocationReason, now: Date): Promise<Revocation> {
  const ca = await readyCa(store, project, now);
  const known = ca.revoked?.find((entry) => entry.serial === serial);
  if (known) return known;
  const entry: Revocation = { serial, at: now.toISOString(), reason };
  store.save(await withNewLists({ ...ca, revoked: [...(ca.revoked ?? []), entry] }, now));
  return entry;
}
