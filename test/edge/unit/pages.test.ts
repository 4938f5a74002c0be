import { expect, it } from 'vitest';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { reachedPage } from '../../../src/edge/plan/pages.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { CASES, load, rendered, stackOf } from '../../support/settings.ts';

const manifestOf = (name: string) => {
  const stack = stackOf(load(CASES[name]));
  return toManifest(rendered(stack), stack);
};
const full = manifestOf('full');
const container = (service: string, state = 'running') => ({ id: `id-${service}`, service, state }) as ObservedContainer;
const all = full.services.map(({ name }) => container(name));

it.each([
  ['grafana', { address: '10.30.0.90', port: 3000, user: 'admin', secret: 'grafana-admin-password' }],
  ['kibana', { address: '10.30.0.92', port: 5601, user: 'admin', secret: 'elasticsearch-admin-password' }],
  ['jaeger', { address: '10.30.0.93', port: 16_686 }],
])('%s is reached by way of Prometheus', (name, page) => {
  expect(reachedPage(name, full, all)).toEqual({ page, through: 'id-prometheus' });
});

it.each(['grafana', 'kibana', 'jaeger'])('%s begins at its path where the edge shows it, too', (name) => {
  const stack = stackOf(load({ file: 'profile: staging\nobservability: full\nedge: { pages: true }\n' }));
  const manifest = toManifest(rendered(stack), stack);
  const running = manifest.services.map((service) => container(service.name));
  expect(reachedPage(name, manifest, running).page.path).toBe(`/auth/pages/${name}`);
});

it.each([
  ['a page that no service has', 'edge', full, all, 'USAGE', /there is no page "edge" in this stack; there are kibana, jaeger, grafana/],
  ['a page of a stack that has none', 'grafana', manifestOf('prod'), all, 'USAGE', /no page "grafana" in this stack$/],
  [
    'one whose container does not run',
    'grafana',
    full,
    all.filter(({ service }) => service !== 'grafana'),
    'NOT_RUNNING',
    /grafana does not run/,
  ],
  [
    'one without Prometheus',
    'grafana',
    full,
    [container('grafana'), container('prometheus', 'exited')],
    'NOT_RUNNING',
    /Prometheus does not run/,
  ],
  [
    'one that is left out',
    'grafana',
    { ...manifestOf('prod'), leftOut: [{ service: 'grafana', image: 'g:1', without: 'x' }] },
    all,
    'NOT_RUNNING',
    /left out, because its image g:1 could not be pulled/,
  ],
] as const)('refuses %s', (_what, name, manifest, containers, code, message) => {
  expect(() => reachedPage(name, manifest, containers)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});
