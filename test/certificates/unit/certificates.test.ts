import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { renewalInfoId } from '../../../src/certificates/acme/renewal-info.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { afterFailure, mayTry, retryAfter } from '../../../src/certificates/plan/back-off.ts';
import {
  type CertificateSeen,
  certificateChecks,
  certificateMetrics,
  certificateRow,
} from '../../../src/certificates/plan/certificate-report.ts';
import { gradeOf, scanProblem } from '../../../src/certificates/plan/tls-grade.ts';
import { metricsText } from '../../../src/core/metrics-text.ts';
import { nameProblem } from '../../../src/settings/certificate-fields.ts';
import { load, stackOf } from '../../support/settings.ts';

describe('a name', () => {
  it.each([
    ['media.example.org', undefined],
    ['*.example.org', undefined],
    ['10.0.0.1', undefined],
    ['::1', undefined],
    ['my_host.example.org', /underscore/],
    [`${'a'.repeat(64)}.example.org`, /64 characters, and 63/],
    [`${'a.'.repeat(130)}org`, /longer than 253/],
    ['bücher.example', /beyond ASCII.*domainToASCII/],
    ['*.*.example.org', /more than one wildcard/],
    ['a.*.example.org', /not at its start/],
    ['*.10.0.0.1', /has no wildcard/],
    ['Media.example.org', /lower-case/],
    ['-a.example', /should be a host name/],
    ['a..example', /should be a host name/],
    ['', /should be a host name/],
  ])('%j', (name, problem) => {
    const told = nameProblem(name);
    if (problem) expect(told).toMatch(problem);
    else expect(told).toBeUndefined();
  });
});

describe('the edge’s certificates', () => {
  const certificates = (edge: string) =>
    stackOf(load({ file: `edge: ${edge}`, flags: { profile: 'dev-compose' } })).certificates.map(({ name, subjects, issuer }) => [
      name,
      issuer,
      ...subjects,
    ]);
  it.each<[string, string[][]]>([
    ['{}', [['edge', 'internal-ca', 'localhost', '127.0.0.1', '::1']]],
    ['{ certificate: self-signed }', [['edge', 'self-signed', 'localhost', '127.0.0.1', '::1']]],
    [
      '{ domains: [a.example], certificate: acme }',
      [
        ['edge', 'internal-ca', 'localhost', '127.0.0.1', '::1'],
        ['edge-public', 'acme', 'a.example'],
      ],
    ],
    [
      '{ domains: [a.example, m.b.example, c.example], certificates: [{ names: ["*.b.example"], issuer: acme }, { names: [c.example], issuer: imported }] }',
      [
        ['edge', 'internal-ca', 'a.example', 'localhost', '127.0.0.1', '::1'],
        ['edge-wildcard.b.example', 'acme', '*.b.example'],
        ['edge-c.example', 'imported', 'c.example'],
      ],
    ],
  ])('of %s', (edge, expected) => {
    expect(certificates(edge)).toEqual(expected);
  });
  it.each([
    ['{ domains: [192.168.1.2], certificate: acme }', /192.168.1.2 is no public name/],
    ['{ domains: [nas], certificate: acme }', /nas is no public name/],
    ['{ certificates: [{ names: [b.example] }] }', /none of these is a domain/],
    ['{ domains: [b.example], certificates: [{ names: [b.example] }, { names: [b.example] }] }', /has a certificate already/],
    ['{ domains: [b.example], certificates: [{ names: [b.example, b.example] }] }', /names a name twice/],
    ['{ certificate: self-signed, clientCertificates: { paths: [/a] } }', /self-signed has none/],
    ['{ hsts: { preload: true } }', /preload needs subdomains/],
  ])('refuses %s', (edge, message) => {
    expect(() => certificates(edge)).toThrow(message);
  });
});

describe('after a failure', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  it('the next attempt is made later each time, a day at most', () => {
    let attempts: ReturnType<typeof afterFailure> | undefined;
    const hours = Array.from({ length: 7 }, () => {
      attempts = afterFailure(attempts, 'no', now);
      return (Date.parse(attempts.nextTry) - now.getTime()) / 3_600_000;
    });
    expect(hours).toEqual([1, 2, 4, 8, 16, 24, 24]);
    expect([mayTry(attempts, now), mayTry(attempts, new Date(now.getTime() + 86_400_000)), mayTry(undefined, now)]).toEqual([
      false,
      true,
      true,
    ]);
  });
  it.each([
    [
      'acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many certificates, retry after 2026-01-03 04:05:06 UTC: see https://x',
      '2026-01-03T04:05:06.000Z',
    ],
    ['Retry-After: 7200', '2026-01-01T02:00:00.000Z'],
    ['urn:ietf:params:acme:error:rateLimited :: slow down', '2026-01-02T00:00:00.000Z'],
    ['another error', undefined],
  ])('a CA that says when is heard: %s', (text, until) => {
    expect(retryAfter(text, now)?.toISOString()).toBe(until);
    if (until) expect(afterFailure(undefined, text, now).nextTry >= until).toBe(true);
  });
});

describe('the report', () => {
  const start = new Date('2026-01-01T00:00:00Z');
  const spec = { name: 'edge', subjects: ['a.example'], issuer: 'internal-ca', days: 90 };
  const issued = internalCa({ load: () => undefined, save: () => {} }, 'test').issue(spec, start);
  const at = async (days: number, more: Partial<CertificateSeen> = {}) => {
    const { certificate, chain, serial } = await issued;
    const served = [{ at: '10.0.0.1:8443', serial, stapled: true }];
    const seen = { spec, pem: certificate + chain, cause: undefined, served, listeners: 1, offersOcsp: true, ...more };
    return certificateRow(seen, new Date(start.getTime() + days * 86_400_000));
  };
  const health = async (...args: Parameters<typeof at>) => certificateChecks([await at(...args)])[0];
  it.each([
    [0, 'ok', 'ok'],
    [68, 'ok', 'ok'],
    [70, 'expiring', 'warn'],
    [84, 'expiring', 'warn'],
    [89.5, 'expiring', 'fail'],
    [91, 'expired', 'fail'],
  ])('after %d days of 90', async (days, status, check) => {
    expect((await at(days)).status).toBe(status);
    expect((await health(days))?.status).toBe(check);
  });
  it('tells a listener that serves another one, and one that does not answer', async () => {
    expect(await at(1, { served: [{ at: '10.0.0.1:8443', serial: 'AB', stapled: false }] })).toMatchObject({
      status: 'not-served',
      servedSerial: 'AB',
      cause: '10.0.0.1:8443 serves AB',
    });
    expect(await at(1, { served: [] })).toMatchObject({ status: 'not-served', cause: 'no listener answered' });
    expect(await at(1, { served: [], listeners: 0 })).toMatchObject({ status: 'ok', servedSerial: null });
  });
  it('tells what OCSP is about', async () => {
    expect([(await at(1)).ocsp, (await at(1, { offersOcsp: false })).ocsp]).toEqual(['sent', 'not offered by this CA']);
  });
  it('becomes metrics', async () => {
    const text = metricsText(certificateMetrics([await at(1, { lastError: 'the CA is away' })]));
    expect(text).toMatch(/^medianest_certificate_not_after_seconds\{name="edge",source="internal-ca"\} 17\d{8}$/m);
    expect(text).toMatch(/^medianest_certificate_ok\{.*\} 1$/m);
    expect(text).toMatch(/^medianest_certificate_renewal_failed\{.*\} 1$/m);
  });
  it('names a certificate to its CA as RFC 9773 says', async () => {
    const { certificate } = await issued;
    const [key = '', serial = ''] = (renewalInfoId(new X509Certificate(certificate)) ?? '').split('.');
    expect(Buffer.from(key, 'base64url')).toHaveLength(20);
    expect(Buffer.from(serial, 'base64url').toString('hex').toUpperCase()).toBe(new X509Certificate(certificate).serialNumber);
  });
});

it('testssl.sh’s report becomes a grade with what is wrong', () => {
  const entry = (id: string, severity: string, finding: string) => ({ id, severity, finding });
  const report = [
    entry('final_score', 'INFO', '93'),
    entry('overall_grade', 'OK', 'A'),
    entry('grade_cap_reason_1', 'INFO', 'no HSTS'),
    entry('BREACH', 'MEDIUM', 'gzip'),
    entry('x', 'OK', 'y'),
  ];
  expect(gradeOf(JSON.stringify(report))).toEqual({
    grade: 'A',
    score: 93,
    reasons: ['no HSTS'],
    findings: [entry('BREACH', 'MEDIUM', 'gzip')],
  });
  const closed = JSON.stringify([
    entry('scanProblem', 'FATAL', 'Can\'t connect to "127.0.0.1:9"'),
    entry('scanTime', 'WARN', 'Scan interrupted'),
  ]);
  expect([gradeOf(closed), scanProblem(closed)]).toEqual([undefined, 'Can\'t connect to "127.0.0.1:9"']);
});
