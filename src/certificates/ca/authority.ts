import { X509Certificate } from 'node:crypto';
import { UserError } from '../../core/errors.ts';
import type { CaRecord, CaStore, KeyedCertificate } from './ca-record.ts';

const DAY = 24 * 3600 * 1000;
const ROOT_DAYS = 10 * 365;
const INTERMEDIATE_DAYS = 3 * 365;
/** Long, because an old list would lock every client certificate out; a new one is made with each revocation. */
const LIST_DAYS = 365;
/** Clocks of phones and televisions run late. */
export const BACKDATE = 3600 * 1000;

export const endOf = (pem: string): Date => new Date(new X509Certificate(pem).validTo);

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** The CA with all that signing needs, made and kept where it is missing: root, intermediate, lists of revoked certificates. */
export async function readyCa(store: CaStore, project: string, now: Date): Promise<CaRecord & { intermediate: KeyedCertificate }> {
  const before = store.load();
  let ca: CaRecord = before ?? (await newRoot(project, now));
  // Kept before its first use: an authority that signed something must never be lost.
  store.save(ca);
  refuseExpired(ca.certificate, now);
  if (!ca.intermediate || isAging(ca.intermediate.certificate, now)) {
    if (ca.privateKey) ca = await withNewLists(await withNewIntermediate(ca, project, now), now);
    else refuseWithoutKey(ca.intermediate, now);
  }
  if (!ca.rootLists && ca.privateKey) ca = { ...(await withRootList(ca, now)), lists: '' };
  if (!ca.lists || listsAge(ca.lists, now)) ca = await withNewLists(ca, now);
  if (ca !== before) store.save(ca);
  return ca as CaRecord & { intermediate: KeyedCertificate };
}

/** A third of its life left: leaves are given a shorter life from then on. */
function isAging(pem: string, now: Date): boolean {
  const { validFrom, validTo } = new X509Certificate(pem);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return to - now.getTime() < (to - from) / 3;
}

/** A new root is the operator's decision: every device has to be told to trust it. */
function refuseExpired(root: string, now: Date): void {
  if (endOf(root) > now) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    `the root certificate of the internal CA expired on ${day(endOf(root))}; nothing was changed`,
    'correct the clock, or move ca/root.json out of the state folder: a new root is made, for every device to trust',
  );
}

function refuseWithoutKey(intermediate: KeyedCertificate | undefined, now: Date): void {
  if (intermediate && endOf(intermediate.certificate) > now) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    'the internal CA needs a new intermediate, and the root’s key is not on this host; nothing was changed',
    'bring it back for as long as this takes: medianest certs ca import FILE',
  );
}

export async function newRoot(project: string, now: Date): Promise<CaRecord & { privateKey: string }> {
  const { authorityExtensions, rsaKey, sign } = await import('./x509.ts');
  const { spki, privateKey } = await rsaKey(3072);
  const { certificate } = await sign(
    {
      // The time of day tells two roots of one year apart.
      subject: { CN: `MediaNest ${project} root ${now.toISOString().slice(0, 19)}Z`.slice(0, 64), O: 'MediaNest' },
      notBefore: new Date(now.getTime() - BACKDATE),
      notAfter: new Date(now.getTime() + ROOT_DAYS * DAY),
      // Below it: itself signed by the root before it, and the intermediate.
      extensions: authorityExtensions(2),
    },
    spki,
    privateKey,
  );
  return { ...(await withRootList({ certificate, privateKey }, now)), privateKey };
}

/** The list of a root that has revoked nothing, as long-lived as the root: its key may leave the host. */
async function withRootList(ca: CaRecord, now: Date): Promise<CaRecord> {
  const { signList } = await import('./x509.ts');
  const root = { certificate: ca.certificate, privateKey: ca.privateKey as string };
  return { ...ca, rootLists: await signList(root, [], new Date(now.getTime() - BACKDATE), endOf(ca.certificate)) };
}

/** @param ca with the root's key */
export async function withNewIntermediate(ca: CaRecord, project: string, now: Date): Promise<CaRecord> {
  const { authorityExtensions, rsaKey, sign } = await import('./x509.ts');
  const { spki, privateKey } = await rsaKey(2048);
  const { certificate } = await sign(
    {
      subject: { CN: `MediaNest ${project} intermediate ${now.toISOString().slice(0, 19)}Z`.slice(0, 64), O: 'MediaNest' },
      notBefore: new Date(now.getTime() - BACKDATE),
      notAfter: new Date(Math.min(now.getTime() + INTERMEDIATE_DAYS * DAY, endOf(ca.certificate).getTime())),
      issuer: { certificate: ca.certificate, privateKey: ca.privateKey as string },
      extensions: authorityExtensions(0),
    },
    spki,
    privateKey,
  );
  return {
    ...ca,
    intermediate: { certificate, privateKey },
    retired: [...(ca.intermediate ? [ca.intermediate] : []), ...(ca.retired ?? [])],
  };
}

/** Lists say when they were made only in DER; their age is noted in front of them. */
const madeAt = (lists: string): Date => new Date(/^# made (\S+)\n/.exec(lists)?.[1] ?? 0);

const listsAge = (lists: string, now: Date): boolean => now.getTime() - madeAt(lists).getTime() > (LIST_DAYS / 3) * DAY;

/**
 * nginx asks for a list of every authority in a chain, so roots have one too. Serials are random, so each list may hold
 * those of the others.
 */
export async function withNewLists(ca: CaRecord, now: Date): Promise<CaRecord> {
  const { signList } = await import('./x509.ts');
  const from = new Date(now.getTime() - BACKDATE);
  const last = (pem: string) => new Date(Math.min(now.getTime() + LIST_DAYS * DAY, endOf(pem).getTime()));
  const living = [ca.intermediate as KeyedCertificate, ...(ca.retired ?? [])].filter(({ certificate }) => endOf(certificate) > now);
  const signed = await Promise.all(living.map((issuer) => signList(issuer, ca.revoked ?? [], from, last(issuer.certificate))));
  return { ...ca, lists: `# made ${now.toISOString()}\n${ca.rootLists ?? ''}${signed.join('')}` };
}
