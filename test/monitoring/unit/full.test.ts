import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { kernelFindings, memoryFinding } from '../../../src/host/plan/machine.ts';
import { pullFindings } from '../../../src/host/plan/pulls.ts';
import { leftOutChecks, leftOutNotes } from '../../../src/images/plan/left-out.ts';
import { absenceBy } from '../../../src/reconcile/plan/images.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { type Absence, leftOutLines, recordedAbsence } from '../../../src/stack/images/left-out.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import type { Service, Stack } from '../../../src/stack/types.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const FOUR = ['elasticsearch', 'kibana', 'jaeger', 'grafana'];
const settings = (file = '', profile = 'prod') => load({ file: `observability: full\n${file}`, flags: { profile } });
const stack = (file = '', profile = 'prod'): Stack => stackOf(settings(file, profile));
const names = ({ services }: Pick<Stack, 'services'>) => services.map(({ name }) => name);
const service = (built: Stack, name: string): Service => built.services.find((entry) => entry.name === name) as Service;
const refs = (built: Stack, ...of: string[]) => new Set(of.map((name) => service(built, name).image.ref));

const without = (absence: Absence, file = ''): Stack =>
  buildStack(settings(file).settings, registry, {
    version: '0.0.0',
    overrides: {},
    subnets: SUBNETS,
    sourceHash: () => 'fixed',
    engineSocket: { path: '/var/run/docker.sock', gid: 999 },
    absence,
  });

describe('observability: full', () => {
  it('is light, and four services that are pulled', () => {
    const light = stackOf(load({ file: 'observability: light\n', flags: { profile: 'prod' } }));
    const full = stack();
    expect(names(full).filter((name) => !names(light).includes(name))).toEqual(FOUR);
    expect(FOUR.map((name) => service(full, name).image.pulled?.bytes ?? 0).every((bytes) => bytes > 1e8)).toBe(true);
    for (const { image } of full.services) expect(image.build !== undefined || image.pulled !== undefined).toBe(true);
    // What looks after all containers is told of the four, and those that take part in traces are; nothing else knows of them.
    for (const name of names(light))
      if (!/^(agent|engine-proxy|edge|balancer|app-\d)$/.test(name)) expect(service(full, name)).toEqual(service(light, name));
  });
  it.each(FOUR)('%s can be switched off, and alone be switched on', (name) => {
    expect(names(stack(`components: { ${name}: false }\n`))).not.toContain(name);
    const alone = stackOf(load({ file: `observability: light\ncomponents: { ${name}: true }\n`, flags: { profile: 'prod' } }));
    // Kibana shows what Elasticsearch has: without it there is none.
    expect(names(alone).filter((entry) => FOUR.includes(entry))).toEqual(name === 'kibana' ? [] : [name]);
  });
  it('has no Kibana without Elasticsearch', () => {
    expect(names(stack('components: { elasticsearch: false }\n')).filter((name) => FOUR.includes(name))).toEqual(['jaeger', 'grafana']);
  });
  it('publishes no port, and is in closed networks alone', () => {
    const full = stack();
    for (const name of FOUR) {
      const { ports, networks } = service(full, name);
      expect(ports).toEqual([]);
      for (const network of networks) expect(full.networks.find((entry) => entry.name === network)).toMatchObject({ internal: true });
    }
  });
  it('has the application send its spans to Jaeger in the network that both share, and the agent lines to Elasticsearch', () => {
    const full = stack();
    expect(service(full, 'jaeger').networks).toEqual(['monitoring', 'app']);
    const jaeger = full.networks.find(({ name }) => name === 'app')?.subnet.replace(/\d+\/\d+$/, '93');
    expect(service(full, 'app-1').environment.OTEL_EXPORTER_OTLP_ENDPOINT).toBe(`http://${jaeger}:4318`);
    const agent = service(full, 'agent');
    expect(agent.view.logs).toMatchObject({
      target: { kind: 'elasticsearch', user: 'logs', password: 'elasticsearch-logs-password', connect: { port: 9200 } },
    });
    expect(agent.secrets.map(({ name }) => name)).toContain('elasticsearch-logs-password');
  });
  it('keeps lines as files, and makes no traces, while the images are not here', () => {
    const absent = { refs: refs(stack(), ...FOUR), running: {} };
    const bare = without(absent);
    expect(names(bare).filter((name) => FOUR.includes(name))).toEqual([]);
    expect(service(bare, 'agent').view.logs).toMatchObject({ target: null });
    expect(service(bare, 'app-1').environment).not.toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT');
    const older = without({ ...absent, running: { elasticsearch: 'older', jaeger: 'older' } });
    expect(service(older, 'agent').view.logs).toMatchObject({ target: { kind: 'elasticsearch' } });
    expect(service(older, 'app-1').environment).toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT');
  });
  it('refuses a store that is nowhere', () => {
    expect(() => stackOf(load({ file: 'profile: prod\nlogs: { store: elasticsearch }\n' }))).toThrow(/logs.url does not say where/);
  });
  it('takes the operator’s own image', () => {
    expect(service(stack('images: { jaeger: "registry.example.org/jaeger:2" }\n'), 'jaeger').image).toEqual({
      name: 'jaeger',
      ref: 'registry.example.org/jaeger:2',
    });
  });
  it('pulls what the lock names by digest, unless its version is another one', () => {
    const digest = 'grafana/grafana@sha256:1';
    const image = (ref: string) =>
      buildStack(settings().settings, registry, {
        version: '0.0.0',
        overrides: {},
        subnets: SUBNETS,
        sourceHash: () => 'fixed',
        engineSocket: { path: '/var/run/docker.sock', gid: 999 },
        lock: {
          file: 'l',
          lock: { format: 2, medianest: '0', profile: 'prod', images: { grafana: { ref, id: 'i', digest, packages: {} } } },
        },
      }).images.find(({ name }) => name === 'grafana');
    const { ref } = service(stack(), 'grafana').image;
    expect(image(ref)?.pulled?.digest).toBe(digest);
    expect(image('grafana/grafana:1')?.pulled?.digest).toBeUndefined();
  });
  it('refuses a heap that leaves files no memory', () => {
    expect(() => settings('elasticsearch: { heap: 2g }\n')).toThrow(/half of `elasticsearch.memory`/);
  });
});

describe('where images are missing', () => {
  const full = stack();
  it('leaves out what runs from them, and what needs that', () => {
    const built = without({ refs: refs(full, 'elasticsearch', 'grafana'), running: {} });
    expect(names(built)).toEqual(names(full).filter((name) => !['elasticsearch', 'kibana', 'grafana'].includes(name)));
    expect(built.leftOut.map((entry) => entry.service).sort()).toEqual(['elasticsearch', 'grafana', 'kibana']);
    expect(built.volumes).not.toContain('grafana-data');
    // The agent's: it is not replaced when Elasticsearch comes.
    expect(built.secrets.map(({ name }) => name).filter((name) => /grafana|elasticsearch|kibana/.test(name))).toEqual([
      'elasticsearch-logs-password',
    ]);
    expect(built.images.some(({ name }) => name === 'kibana')).toBe(false);
  });
  it('renders no trace of it but a note, so that nothing else is replaced', () => {
    const all = without({ refs: refs(full, ...FOUR), running: {} });
    const light = rendered(stackOf(load({ file: 'observability: light\n', flags: { profile: 'prod' } })));
    // The agent is given the audit log, which it ships once Elasticsearch is there.
    expect({ ...rendered(all).inputs, agent: light.inputs.agent }).toEqual(light.inputs);
    const compose = parse(rendered(all).files[0]?.contents ?? '');
    expect(Object.keys(compose['x-left-out']).sort()).toEqual([...FOUR].sort());
    expect(Object.keys(compose.services).filter((name) => FOUR.includes(name))).toEqual([]);
  });
  it.each(['prod', 'dev-compose'])('replaces no agent of %s when Elasticsearch comes', (profile) => {
    const file = 'components: { agent: true, engine-proxy: true, jaeger: false }\n';
    const whole = stack(file, profile);
    const less = buildStack(settings(file, profile).settings, registry, {
      version: '0.0.0',
      overrides: {},
      subnets: SUBNETS,
      sourceHash: () => 'fixed',
      engineSocket: { path: '/var/run/docker.sock', gid: 999 },
      absence: { refs: refs(whole, 'elasticsearch', 'kibana', 'grafana'), running: {} },
    });
    const [now, then] = [rendered(less), rendered(whole)];
    expect(Object.keys(now.inputs).filter((name) => now.inputs[name] !== then.inputs[name])).toEqual([]);
    expect(now.configs.agent).not.toBe(then.configs.agent);
  });
  it.each([
    [['elasticsearch', 'jaeger'], {}],
    [['grafana', 'jaeger'], { grafana: 'grafana/grafana:11.0.0' }],
  ])('is rendered again without the engine as `up` left it: %s', (missing, running) => {
    const built = without({ refs: refs(full, ...missing), running });
    const { leftOut } = toManifest(rendered(built), built);
    expect(rendered(without(recordedAbsence(leftOut))).files).toEqual(rendered(built).files);
  });
  it('is as `up` left it for a command about some services: an image that has come since is not theirs to start', () => {
    expect([absenceBy(undefined, 'engine'), absenceBy(['app'], 'engine')]).toEqual([{ present: 'engine' }, { asLeftOut: true }]);
    const built = without({ refs: refs(full, 'jaeger'), running: {} });
    const { leftOut } = toManifest(rendered(built), built);
    // The replicas are not replaced to send traces to what does not run.
    expect(service(without(recordedAbsence(leftOut)), 'app-1').environment).toEqual(service(built, 'app-1').environment);
  });
  it('keeps what runs from an earlier image', () => {
    const built = without({ refs: refs(full, 'grafana'), running: { grafana: 'grafana/grafana:11.0.0' } });
    expect(service(built, 'grafana').image.ref).toBe('grafana/grafana:11.0.0');
    expect(built.leftOut).toEqual([expect.objectContaining({ service: 'grafana', keeps: 'grafana/grafana:11.0.0' })]);
    expect(leftOutLines(built.leftOut, 'Next.')).toEqual([
      expect.stringMatching(/^grafana keeps the image .*11\.0\.0: .*is not here\. Next\.$/),
    ]);
  });
  it('never leaves out what the stack cannot do without', () => {
    expect(names(without({ refs: new Set(full.images.map(({ ref }) => ref)), running: {} }))).toEqual(
      names(full).filter((name) => !FOUR.includes(name)),
    );
  });
  it('is told by health as a warning and by status', () => {
    const built = without({ refs: refs(full, ...FOUR), running: {} });
    const manifest = toManifest(rendered(built), built);
    expect(leftOutChecks(manifest).map(({ id, status }) => [id, status])).toEqual(FOUR.map((name) => [`image.${name}`, 'warn']));
    expect(leftOutChecks(manifest)[0]?.remedy).toMatch(/medianest up/);
    expect(leftOutNotes(manifest)).toHaveLength(4);
    expect([leftOutChecks({}), toManifest(rendered(full), full).leftOut]).toEqual([[], undefined]);
  });
});

describe('whether the host can carry it', () => {
  const GIB = 1024 ** 3;
  it('is a matter of memory, which Elasticsearch and Kibana hold all the time', () => {
    const { status, message, remedy } = memoryFinding(stack(), 3 * GIB);
    expect([status, message]).toEqual(['fail', expect.stringMatching(/elasticsearch and kibana hold about 2\.3 GiB all the time/)]);
    expect(remedy).toContain('observability: light');
    expect(memoryFinding(stack(), 16 * GIB).status).not.toBe('fail');
    expect(memoryFinding(stack('components: { elasticsearch: false }\n'), 3 * GIB).message).not.toMatch(/all the time/);
  });
  it('is a matter of vm.max_map_count, unless Elasticsearch does without', () => {
    const kernel = { 'vm.max_map_count': 65_530, 'vm.overcommit_memory': 1 };
    const of = (file: string) => kernelFindings(stack(file), kernel).find(({ id }) => id === 'kernel.vm.max_map_count');
    expect(of('')).toMatchObject({ status: 'fail', remedy: 'sudo sysctl -w vm.max_map_count=262144', fix: { kind: 'sysctl' } });
    expect(of('elasticsearch: { mmap: false }\n')).toBeUndefined();
  });
  it('is a matter of disk space for what is pulled', () => {
    const images = stack().images.filter(({ pulled }) => pulled);
    const storage = (freeBytes: number) => ({
      path: '/d',
      type: 'ext4',
      point: '/',
      options: [],
      freeBytes,
      sizeBytes: 1e12,
      freeFiles: 1e6,
      encryption: { state: 'plain' } as const,
    });
    expect(pullFindings(images, storage(3 * GIB))).toEqual([
      expect.objectContaining({ status: 'fail', remedy: expect.stringContaining('observability: light') }),
    ]);
    expect(pullFindings(images, storage(10 * GIB))).toEqual([]);
    expect(pullFindings([], storage(0))).toEqual([]);
  });
});
