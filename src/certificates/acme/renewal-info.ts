import { X509Certificate } from 'node:crypto';
import { writeAtomic } from '../../core/files.ts';
import type { StateFolder } from '../../state/state.ts';
import { directoryUrl, getJson, readDirectory } from './directory.ts';

/** When the CA wants a certificate to be renewed (RFC 9773), as it was told last. */
interface RenewalInfo {
  serial: string;
  /** A moment in the CA's window, chosen once: not everybody comes at the same time. */
  renewAt: string | undefined;
  nextCheck: string;
}

const HOUR = 3600 * 1000;

/** `base64url(AKI).base64url(serial)`; undefined where the certificate names no authority key. */
export function renewalInfoId(certificate: X509Certificate): string | undefined {
  const { raw } = certificate;
  // id-ce-authorityKeyIdentifier, then OCTET STRING { SEQUENCE { [0] keyIdentifier
  const at = raw.indexOf(Buffer.from('0603551d23', 'hex'));
  const start = at < 0 ? -1 : raw.indexOf(0x80, at + 5);
  if (start < 0 || start > at + 14) return undefined;
  const key = raw.subarray(start + 2, start + 2 + (raw[start + 1] as number));
  const hex = certificate.serialNumber.length % 2 ? `0${certificate.serialNumber}` : certificate.serialNumber;
  const serial = Buffer.from(Number.parseInt(hex.slice(0, 2), 16) > 127 ? `00${hex}` : hex, 'hex');
  return `${key.toString('base64url')}.${serial.toString('base64url')}`;
}

/**
 * Whether the CA asks for a renewal now; undefined where it offers no such information. It is asked no more often than it
 * wants, every six hours where it does not say; a CA that does not answer changes nothing.
 */
export async function renewalAsked(
  state: StateFolder,
  name: string,
  pem: string,
  acme: { directory: string; ca: string | undefined },
  now: Date,
): Promise<boolean | undefined> {
  const certificate = new X509Certificate(pem);
  const file = `certs/${name}/renewal-info.json`;
  let info = state.readJson<RenewalInfo>(file, 'the CA is asked again');
  if (info?.serial !== certificate.serialNumber || now >= new Date(info.nextCheck)) {
    const known = info?.serial === certificate.serialNumber ? info : undefined;
    const asked = await ask(certificate, acme, now).catch(() => undefined);
    info = asked ?? { serial: certificate.serialNumber, renewAt: known?.renewAt, nextCheck: new Date(now.getTime() + HOUR).toISOString() };
    if (known?.renewAt && info.renewAt && asked && sameWindow(known, asked)) info.renewAt = known.renewAt;
    writeAtomic(state.at(file), `${JSON.stringify(info)}\n`);
  }
  return info.renewAt === undefined ? undefined : now >= new Date(info.renewAt);
}

interface Asked extends RenewalInfo {
  start?: string;
  end?: string;
}

const sameWindow = (known: Asked, asked: Asked): boolean => known.start === asked.start && known.end === asked.end;

async function ask(certificate: X509Certificate, acme: { directory: string; ca: string | undefined }, now: Date): Promise<Asked> {
  const { renewalInfo } = await readDirectory(directoryUrl(acme.directory), acme.ca);
  const id = renewalInfoId(certificate);
  const later = (seconds: number) => new Date(now.getTime() + Math.min(Math.max(seconds, 60), 24 * 3600) * 1000).toISOString();
  if (!renewalInfo || !id) return { serial: certificate.serialNumber, renewAt: undefined, nextCheck: later(24 * 3600) };
  const { body, retryAfter } = await getJson<{ suggestedWindow: { start: string; end: string } }>(`${renewalInfo}/${id}`, acme.ca);
  const { start, end } = body.suggestedWindow;
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const renewAt = new Date(from + Math.random() * Math.max(0, to - from)).toISOString();
  return { serial: certificate.serialNumber, renewAt, start, end, nextCheck: later(retryAfter ?? 6 * 3600) };
}
