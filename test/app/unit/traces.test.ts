import { describe, expect, it } from 'vitest';
import { previewSettings } from '../../../src/backup/plan/preview-compose.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { topology } from '../../../src/topology/plan/topology.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const loaded = (file: string, profile = 'prod') => load({ file, flags: { profile } });
const stack = (file: string, profile?: string) => stackOf(loaded(file, profile));
const traces = (more = '', endpoint = 'https://otel.example.org/otlp/') => `traces: { endpoint: "${endpoint}"${more} }`;
const service = (built: Stack, name: string) => built.services.find((entry) => entry.name === name);
const given = (built: Stack, name = 'app-1') =>
  Object.fromEntries(Object.entries(service(built, name)?.environment ?? {}).filter(([key]) => /^(OTEL|TRACES)_/.test(key)));
const file = (built: Stack, path: string) => rendered(built).files.find((entry) => entry.path === path)?.contents ?? '';

describe('an application whose requests have traces', () => {
  it('is told in the variables of every OpenTelemetry SDK where to send them, and who it is', () => {
    expect(given(stack(traces(', sample: 0.25, slowMs: 300')), 'app-2')).toEqual({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.example.org/otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_SERVICE_NAME: 'medianest',
      OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=app-2,deployment.environment.name=prod',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      TRACES_PARENT_TRUSTED: 'true',
      TRACES_SLOW_MS: '300',
    });
  });

  it.each([
    ['ghcr.io/you/app:1.4', '1.4'],
    ['registry.lan:5000/app', 'latest'],
    ['app:2@sha256:abc', 'sha256%3Aabc'],
  ])('says the version of its own image %s', (image, version) => {
    expect(given(stack(`${traces()}\napp: { image: "${image}" }`)).OTEL_RESOURCE_ATTRIBUTES).toContain(`service.version=${version},`);
  });

  it('may be told otherwise by `app.env`', () => {
    const env = 'app: { env: { OTEL_SERVICE_NAME: media, OTEL_RESOURCE_ATTRIBUTES: "a=b" } }';
    expect(given(stack(`${traces()}\n${env}`))).toMatchObject({ OTEL_SERVICE_NAME: 'media', OTEL_RESOURCE_ATTRIBUTES: 'a=b' });
  });

  it('has the headers as a secret in a file, and nowhere else', () => {
    const built = stack(traces(', headers: "authorization=not-to-be-seen"'));
    expect(given(built).OTEL_EXPORTER_OTLP_HEADERS_FILE).toBe('/run/secrets/traces-headers');
    expect(service(built, 'app-1')?.secrets.map(({ name }) => name)).toContain('traces-headers');
    expect(JSON.stringify(rendered(built).files)).not.toContain('not-to-be-seen');
  });

  it('reaches the collector by a container that leads there alone', () => {
    const built = stack(traces('', 'http://192.168.1.9:4318/v1/traces'));
    expect(service(built, 'egress-traces')).toMatchObject({ networks: ['app', 'out'], host: 74 });
    expect(given(built).OTEL_EXPORTER_OTLP_ENDPOINT).toBe('http://egress-traces:4318');
    expect(service(built, 'app-1')?.after).toContain('egress-traces');
    const { flows } = topology(built, { traces: { url: 'http://192.168.1.9:4318' } });
    expect(flows.filter(({ to }) => to === 'outside-traces')).toHaveLength(1);
  });

  it('shares the way with what else is on that host', () => {
    const built = stack(`${traces('', 'http://nas.lan:4318')}\nexternal: { plex: { url: "http://nas.lan:32400" } }`);
    expect(service(built, 'egress-plex')?.view.ports).toEqual([32400, 4318]);
    expect(service(built, 'egress-traces')).toBeUndefined();
  });

  it('believes no visitor where there is no edge', () => {
    const built = stack(traces('', 'http://192.168.1.9:4318'), 'dev');
    expect(given(built, 'all-in-one')).toMatchObject({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://192.168.1.9:4318' });
    expect(given(built, 'all-in-one')).not.toHaveProperty('TRACES_PARENT_TRUSTED');
  });

  it('sends none from a preview', () => {
    const { settings } = loaded(traces());
    expect(previewSettings(settings, 'other', [], undefined).traces.endpoint).toBeUndefined();
  });
});

describe('edge and balancer', () => {
  it.each<[string, string]>([
    ['', '  10% 01;\n  * 00;'],
    [', sample: 0.0125', '  1.25% 01;\n  * 00;'],
    [', sample: 0', '  default 00;'],
    [', sample: 1', '  default 01;'],
  ])('keep the share that is asked for%s', (more, wanted) => {
    expect(file(stack(traces(more)), 'edge/clients.conf')).toContain(wanted);
  });

  it('continue a trace of a proxy in front only where that is asked for', () => {
    const proxies = 'edge: { trustedProxies: ["203.0.113.0/24"] }';
    const continues = (more: string) =>
      /geo \$realip_remote_addr \$continues_trace \{[^}]*\}/.exec(file(stack(`${traces(more)}\n${proxies}`), 'edge/clients.conf'))?.[0] ??
      '';
    expect(continues('')).toMatch(/127\.0\.0\.1 1;/);
    expect(continues('')).not.toContain('203.0.113.0/24');
    expect(continues(', fromProxies: true')).toContain('203.0.113.0/24 1;');
  });

  it('say the id in their lines', () => {
    const built = stack(traces());
    expect(file(built, 'edge/log.conf')).toContain('"requestId":"$correlation_id","traceId":"$trace_id"');
    expect(file(built, 'edge/forwarded.conf')).toContain('proxy_set_header traceparent 00-$trace_id-$parent_span-$trace_flags;');
    expect(file(built, 'balancer/haproxy.cfg')).toContain('"traceId":"%[var(txn.trace)]"');
  });
});

it('changes nothing without `traces.endpoint`', () => {
  const [plain, prepared] = [stack(''), stack('traces: { sample: 0.5, headers: a=b, fromProxies: true }')];
  expect(rendered(prepared).files).toEqual(rendered(plain).files);
  expect(given(plain)).toEqual({});
});

describe('settings of traces', () => {
  it.each<[string, RegExp]>([
    [traces('', 'http://localhost:4318'), /traces\.endpoint: is the container itself/],
    [traces('', 'http://127.0.0.1:4318'), /traces\.endpoint: is the container itself/],
    [traces('', 'http://user:secret@otel.lan'), /traces\.endpoint: should have no user, password or query/],
    [traces('', 'http://otel.lan/?key=1'), /traces\.endpoint: should have no user, password or query/],
    [traces('', 'grpc://otel.lan:4317'), /traces\.endpoint: should be an address/],
    [traces(', sample: 10'), /traces\.sample: should be a number from 0 to 1/],
    [traces(', sample: 0.00001'), /traces\.sample: should have at most four decimals/],
  ])('%s is refused', (text, message) => {
    expect(() => loaded(text)).toThrow(message);
  });
});
