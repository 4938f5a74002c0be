import { randomBytes, X509Certificate } from 'node:crypto';
import type { Context, Intent, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { withLock } from '../../project/with-lock.ts';
import { loadSecrets, saveSecrets } from '../../secrets/store/secret-files.ts';
import { SERVER_NAME } from '../../services/vpn/openvpn.ts';
import { OPENVPN_AUTHORITY, OPENVPN_IDENTITY } from '../../services/vpn/secrets.ts';
import type { StateFolder } from '../../state/state.ts';
import { type Identity, identityIn, identityText } from '../plan/ovpn.ts';
import { DEVICE_KEY_BYTES, deviceKeyText, SERVER_KEY_BYTES, serverKeyIn, serverKeyText } from '../plan/tls-crypt.ts';

const DAY = 24 * 3600 * 1000;
/** What ends a peer is the list of peers; a certificate that ended by itself would cut everyone off on one day. */
const YEARS_20 = 20 * 365 * DAY;
/** Clocks of phones run late. */
const BACKDATE = DAY;

/** What signs peers, with what the server shows to them. */
export interface OvpnAuthority extends Identity {
  /** The CA's private key: it is on this host alone, and in no container. */
  caKey: string;
}

/** SHA-256 of a certificate, in base64: by it the server knows a peer. */
export const fingerprintOf = (certificate: string): string =>
  Buffer.from(new X509Certificate(certificate).fingerprint256.replaceAll(':', ''), 'hex').toString('base64');

/** @returns undefined before the first peer @throws UserError STATE_DAMAGED */
export function readAuthority(state: StateFolder): OvpnAuthority | undefined {
  const values = loadSecrets(state)?.values ?? {};
  const identity = identityIn(values[OPENVPN_IDENTITY.name]?.value ?? '');
  if (!identity) return undefined;
  const caKey = values[OPENVPN_AUTHORITY]?.value;
  if (caKey !== undefined) return { ...identity, caKey };
  throw new UserError(
    'STATE_DAMAGED',
    `the secret ${OPENVPN_AUTHORITY} is missing in secrets.json`,
    'restore secrets.json, or medianest vpn rotate',
  );
}

/**
 * The authority, made and kept where it is missing. Under the lock, and with a line in the audit log where it is made.
 * @param renew make another one also where there is one: every peer needs another configuration then
 */
export async function readyAuthority(
  context: Context,
  { state }: Project,
  command: string,
  { renew = false, ...intent }: { renew?: boolean } & Intent = {},
): Promise<OvpnAuthority> {
  const ready = async (_lock: unknown, record: (plan: unknown) => void): Promise<OvpnAuthority> => {
    const before = renew ? undefined : readAuthority(state);
    if (before) return before;
    const now = context.clock.now();
    const made = await newAuthority(now);
    const store = loadSecrets(state) ?? { fingerprintKey: randomBytes(32).toString('base64url'), values: {} };
    const kept = (value: string) => ({ value, origin: 'given' as const, since: now.toISOString() });
    record({ secrets: [OPENVPN_AUTHORITY, OPENVPN_IDENTITY.name], ca: fingerprintOf(made.ca) });
    const values = { ...store.values, [OPENVPN_AUTHORITY]: kept(made.caKey), [OPENVPN_IDENTITY.name]: kept(identityText(made)) };
    saveSecrets(state, { ...store, values });
    return made;
  };
  return withLock(context, state, command, ready, { reason: 'makes the CA of OpenVPN', ...intent });
}

async function newAuthority(now: Date): Promise<OvpnAuthority> {
  const { authorityExtensions, ecKey, leafExtensions, sign } = await import('../../certificates/ca/x509.ts');
  const life = { notBefore: new Date(now.getTime() - BACKDATE), notAfter: new Date(now.getTime() + YEARS_20) };
  const [own, server] = await Promise.all([ecKey(), ecKey()]);
  const subject = { CN: `MediaNest VPN ${now.toISOString().slice(0, 19)}Z` };
  const ca = (await sign({ ...life, subject, extensions: authorityExtensions(0) }, own.spki, own.privateKey)).certificate;
  const issuer = { certificate: ca, privateKey: own.privateKey };
  const wish = { ...life, subject: { CN: SERVER_NAME }, issuer, extensions: leafExtensions([], ['server']) };
  const { certificate } = await sign(wish, server.spki, server.privateKey);
  const tlsCrypt = serverKeyText(randomBytes(SERVER_KEY_BYTES));
  return { ca, caKey: own.privateKey, certificate, privateKey: server.privateKey, tlsCrypt };
}

/** A new key and certificate for a device, and its key of tls-crypt-v2. Nothing of them is kept. */
export async function newDevice(
  authority: OvpnAuthority,
  name: string,
  now: Date,
): Promise<{ certificate: string; privateKey: string; tlsCrypt: string }> {
  const { ecKey, leafExtensions, sign } = await import('../../certificates/ca/x509.ts');
  const { spki, privateKey } = await ecKey();
  const life = { notBefore: new Date(now.getTime() - BACKDATE), notAfter: new Date(new X509Certificate(authority.ca).validTo) };
  const issuer = { certificate: authority.ca, privateKey: authority.caKey };
  const { certificate } = await sign(
    { ...life, subject: { CN: name }, issuer, extensions: leafExtensions([], ['client']) },
    spki,
    privateKey,
  );
  return { certificate, privateKey, tlsCrypt: deviceKeyText(serverKeyIn(authority.tlsCrypt), randomBytes(DEVICE_KEY_BYTES), now) };
}
