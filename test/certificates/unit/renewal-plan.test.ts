import { expect, it } from 'vitest';
import { describeRenewalStep, planRenewal, renewalSteps, type SeenRow } from '../../../src/certificates/plan/renewal-plan.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import type { CertificateSpec, Stack } from '../../../src/stack/types.ts';

const now = new Date('2026-05-01T00:00:00Z');
const spec = (name: string, issuer = 'internal-ca'): CertificateSpec => ({ name, subjects: [`${name}.example`], issuer, days: 90 });
const service = (name: string, certificate: CertificateSpec, more: object = {}) => ({
  name,
  component: name,
  certificate,
  uid: 101,
  image: { name, ref: `medianest/${name}:1` },
  listeners: [{ port: 8443, protocol: 'tls' }],
  ...more,
});
const edge = service('edge', spec('edge'), { reload: ['/reload'] });
const app = service('app', spec('app'));
const stack = { services: [edge, app] } as unknown as Stack;
const containers = ['edge', 'app'].map((name) => ({ service: name, state: 'running' })) as ObservedContainer[];
const row = (certificate: CertificateSpec, seen: object = {}, more: object = {}) =>
  ({
    ...{ name: certificate.name, status: 'ok', serial: 'AB', notAfter: '2026-07-01T00:00:00.000Z', daysLeft: 61, ...more },
    seen: { spec: certificate, pem: 'pem', cause: undefined, served: [{ at: 'x', serial: 'AB', stapled: false }], listeners: 1, ...seen },
  }) as unknown as SeenRow;
const plan = (rows: SeenRow[], more: object = {}) => planRenewal({ stack, containers, rows, wanted: {}, force: false, now, ...more });

it('keeps what is good', () => {
  expect(plan([row(edge.certificate)])).toMatchObject([{ action: 'kept', cause: 'is good until 2026-07-01' }]);
});
it('issues, activates, and replaces last the containers that read a certificate only at their start', () => {
  const cause = 'expires on 2026-05-02';
  const decisions = plan([row(edge.certificate, { cause }), row(app.certificate, { cause })]);
  const steps = renewalSteps(decisions);
  expect(steps).toMatchObject([
    { kind: 'issue-certificate', certificate: { name: 'edge' }, uid: 101, image: 'medianest/edge:1', cause },
    { kind: 'activate-certificate', certificate: { name: 'edge' }, reload: ['edge'] },
    { kind: 'issue-certificate', certificate: { name: 'app' } },
    { kind: 'activate-certificate', certificate: { name: 'app' }, reload: [] },
    { kind: 'replace-containers', components: ['app'] },
  ]);
  expect(steps.map(describeRenewalStep)).toEqual([
    'issue certificate edge for edge.example',
    'switch edge to the new certificate, reload edge and check what each listener serves; switch back if that fails',
    'issue certificate app for app.example',
    'switch app to the new certificate',
    'replace the containers of app, as `up` does',
  ]);
});
it('only activates what is installed and not served yet, in containers that run', () => {
  const stale = row(edge.certificate, {}, { status: 'not-served', cause: 'x serves CD' });
  expect(renewalSteps(plan([stale]))).toMatchObject([{ kind: 'activate-certificate', reload: ['edge'], cause: 'x serves CD' }]);
  expect(renewalSteps(plan([stale], { containers: [] }))).toMatchObject([{ kind: 'activate-certificate', reload: [] }]);
});
it('waits after a failure, unless it is forced', () => {
  const failed = row(edge.certificate, { cause: 'is revoked', nextTry: '2026-05-01T01:00:00.000Z', lastError: 'no answer' });
  expect(plan([failed])).toMatchObject([{ action: 'waits', cause: 'is revoked, but no answer', nextTry: '2026-05-01T01:00:00.000Z' }]);
  expect(plan([failed], { force: true })).toMatchObject([{ action: 'due', cause: 'is revoked' }]);
  expect(plan([failed], { now: new Date('2026-05-01T02:00:00Z') })).toMatchObject([{ action: 'due' }]);
});
it('leaves an imported certificate to its operator', () => {
  const imported = row(spec('edge', 'imported'), { cause: 'expires on 2026-05-02' });
  expect(plan([imported])).toMatchObject([{ action: 'waits', cause: 'expires on 2026-05-02: medianest certs import' }]);
});
it('follows what the ACME server says, except close to the end and where something else is wrong', () => {
  const cause = 'expires on 2026-05-20';
  const acme = (seen: object, more: object = {}) => row(spec('edge', 'acme'), seen, more);
  const decided = (one: SeenRow, asked: boolean) => plan([one], { wanted: { edge: asked } })[0];
  expect(decided(acme({}), true)).toMatchObject({ action: 'due', cause: 'is to be renewed now, its CA says' });
  expect(decided(acme({ cause }), false)).toMatchObject({ action: 'kept' });
  expect(decided(acme({ cause }, { status: 'expiring', daysLeft: 6 }), false)).toMatchObject({ action: 'due', cause });
  expect(decided(acme({ cause: 'is damaged' }), false)).toMatchObject({ action: 'due', cause: 'is damaged' });
});
