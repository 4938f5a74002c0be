import type { Check } from '../../capability/check.ts';
import { gauge, type Metric } from '../../core/metrics-text.ts';
import type { CertificateSpec } from '../../stack/types.ts';
import { certificateFacts, REVOKED } from './renewal.ts';

export type CertificateStatus =
  | 'ok'
  | 'expiring'
  | 'expired'
  | 'missing'
  | 'damaged'
  | 'stands-in'
  | 'not-served'
  | 'untrusted'
  | 'revoked';

export interface CertificateRow {
  name: string;
  subjects: string[];
  /** Who issued it, as it says itself. */
  issuer: string;
  /** Who is to issue it: the setting. */
  source: string;
  notAfter: string | null;
  daysLeft: number | null;
  serial: string | null;
  /** What listeners serve; null where none was reached. */
  servedSerial: string | null;
  status: CertificateStatus;
  /** In words, where it is not ok. */
  cause?: string;
  /** `sent`, `not offered by this CA`, ... */
  ocsp?: string;
  /** When the next attempt is made, after one that failed. */
  nextTry?: string;
  lastError?: string;
}

export interface CertificateSeen {
  spec: CertificateSpec;
  /** With its chain. */
  pem: string | undefined;
  /** Why it would be renewed now. */
  cause: string | undefined;
  /** What each listener serves that answered. */
  served: readonly { at: string; serial: string; stapled: boolean }[];
  /** Listeners that run, whether they answered or not. */
  listeners: number;
  offersOcsp: boolean;
  lastError?: string | undefined;
  nextTry?: string | undefined;
}

const DAY = 24 * 3600 * 1000;
/** Days before the end at which a warning appears. */
const WARN_DAYS = [21, 7, 1] as const;

/** A certificate that lives for a week would always be near its end: a quarter of its life is near for that one. */
const warnsAt = (days: number, lifetimeDays: number): boolean => days < Math.min(WARN_DAYS[0], lifetimeDays / 4);

export function certificateRow(seen: CertificateSeen, now: Date): CertificateRow {
  const { spec, pem, served } = seen;
  const base = {
    name: spec.name,
    subjects: spec.subjects,
    source: spec.issuer,
    servedSerial: served[0]?.serial ?? null,
    ...(seen.lastError && { lastError: seen.lastError }),
    ...(seen.nextTry && { nextTry: seen.nextTry }),
  };
  const facts = readable(pem);
  if (!facts) {
    const status = pem === undefined ? 'missing' : 'damaged';
    return {
      ...base,
      issuer: '-',
      notAfter: null,
      daysLeft: null,
      serial: null,
      status,
      cause: status === 'missing' ? 'is not there yet' : 'is damaged',
    };
  }
  const left = (facts.notAfter.getTime() - now.getTime()) / DAY;
  const wrong = served.find(({ serial }) => serial !== facts.serial);
  const lifetime = (facts.notAfter.getTime() - facts.notBefore.getTime()) / DAY;
  const [status, cause] = judge(seen, left, lifetime, wrong);
  return {
    ...base,
    issuer: facts.issuer,
    notAfter: facts.notAfter.toISOString(),
    daysLeft: Math.floor(left),
    serial: facts.serial,
    servedSerial: wrong?.serial ?? base.servedSerial,
    status,
    ...(cause && { cause }),
    ocsp: !seen.offersOcsp ? 'not offered by this CA' : served.some(({ stapled }) => stapled) ? 'sent' : 'offered',
  };
}

function judge(
  seen: CertificateSeen,
  left: number,
  lifetime: number,
  wrong: CertificateSeen['served'][number] | undefined,
): [CertificateStatus, string | undefined] {
  if (left <= 0) return ['expired', seen.cause];
  if (seen.cause === REVOKED) return ['revoked', seen.cause];
  if (wrong) return ['not-served', `${wrong.at} serves ${wrong.serial}`];
  if (seen.listeners > 0 && seen.served.length === 0) return ['not-served', 'no listener answered'];
  if (seen.cause?.startsWith('stands in')) return ['stands-in', seen.cause];
  if (seen.cause?.includes('not trusted')) return ['untrusted', seen.cause];
  if (warnsAt(left, lifetime)) return ['expiring', `expires in ${Math.floor(left)} days`];
  return ['ok', undefined];
}

/** One check for each certificate, for `health`: warnings at 21 and 7 days, a failure on the last. */
export const certificateChecks = (rows: readonly CertificateRow[]): Check[] =>
  rows.map((row): Check => {
    const fails = ['expired', 'missing', 'damaged', 'not-served', 'untrusted', 'revoked'].includes(row.status);
    const last = row.status === 'expiring' && (row.daysLeft ?? 0) < WARN_DAYS[2];
    const status = fails || last ? 'fail' : row.status === 'ok' && !row.lastError ? 'ok' : 'warn';
    const why = row.cause ? ` (${row.cause})` : row.lastError ? ` (its renewal failed: ${row.lastError})` : '';
    return {
      id: `certificate.${row.name}`,
      status,
      message: `certificate ${row.name}: ${row.daysLeft === null ? row.status : `${row.daysLeft} days left`}${why}`,
      ...(row.daysLeft !== null && { value: row.daysLeft }),
      ...(status !== 'ok' && { remedy: remedyOf(row) }),
    };
  });

function remedyOf(row: CertificateRow): string {
  if (row.source === 'imported') return `medianest certs import FILES --name ${row.name}`;
  return row.status === 'not-served' ? 'medianest certs renew' : `medianest certs renew ${row.name}`;
}

/** For Prometheus, of what is installed. What listeners serve is asked by `health`. */
export function certificateMetrics(rows: readonly CertificateRow[]): Metric[] {
  const each = (name: string, help: string, value: (row: CertificateRow) => number | undefined) =>
    gauge(
      `medianest_certificate_${name}`,
      help,
      rows.flatMap((row) => {
        const known = value(row);
        return known === undefined ? [] : [{ labels: { name: row.name, source: row.source }, value: known }];
      }),
    );
  return [
    each('not_after_seconds', 'End of the certificate, in seconds since 1970.', ({ notAfter }) =>
      notAfter === null ? undefined : Date.parse(notAfter) / 1000,
    ),
    each('ok', 'Whether it is installed, valid, not near its end, and of the issuer that is to issue it.', ({ status }) =>
      status === 'ok' ? 1 : 0,
    ),
    each('renewal_failed', 'Whether the last attempt to renew it failed.', ({ lastError }) => (lastError ? 1 : 0)),
  ];
}

function readable(pem: string | undefined) {
  try {
    return pem === undefined ? undefined : certificateFacts(pem);
  } catch {
    return undefined;
  }
}
