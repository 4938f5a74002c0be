import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { LABEL } from '../../../src/stack/labels.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = stackOf(load({ flags: { profile: 'dev-compose' } }));
const render = (override?: string) => rendered(stack, { override });
const refusal = (override: string) => {
  const { refused } = render(override);
  return refused ? `${refused.code} ${refused.message} | ${refused.hint}` : 'taken';
};
const SIDE = `services:
  side:
    image: debian:trixie-slim
    volumes: [notes:/notes, plain:/plain]
volumes:
  notes:
  plain: { name: elsewhere }
`;

describe('an override', () => {
  it('adds services and volumes, with our labels in a file of their own, and its text stays as it is', () => {
    const { added, files } = render(SIDE);
    expect(added.services).toEqual([expect.objectContaining({ name: 'side', count: 1, image: 'debian:trixie-slim', builds: false })]);
    expect(added.volumes).toEqual(['elsewhere', 'medianest_notes']);
    expect(files.find(({ path }) => path === 'compose.override.yml')).toMatchObject({ contents: SIDE, mode: 0o600 });
    const labels = parse(files.find(({ path }) => path === 'compose.labels.yml')?.contents ?? '');
    expect(labels.services.side.labels).toEqual({
      [LABEL.project]: 'medianest',
      [LABEL.component]: 'side',
      [LABEL.inputs]: added.services[0]?.inputs.replaceAll('$', '$$'),
    });
    expect(labels.volumes).toEqual({
      notes: { labels: { [LABEL.project]: 'medianest' } },
      plain: { labels: { [LABEL.project]: 'medianest' } },
    });
    expect(toManifest(render(SIDE), stack)).toMatchObject({
      services: expect.arrayContaining([{ name: 'side', component: 'side' }]),
      addedVolumes: ['elsewhere', 'medianest_notes'],
    });
  });

  it('that adds something replaces no container of ours; what is about ours replaces those that it is about', () => {
    const plain = render();
    expect(render(SIDE).inputs).toEqual(plain.inputs);
    expect(render(`${SIDE}x-note: 1\nnetworks: { own: {} }\nsecrets: { s: { file: ./s } }\n`).inputs).toEqual(plain.inputs);
    const changed = (override: string) =>
      stack.services.map(({ name }) => name).filter((name) => render(override).inputs[name] !== plain.inputs[name]);
    expect(changed('services: { redis: { cpus: 1 } }')).toEqual(['redis']);
    expect(changed('networks: { app: { driver_opts: { a: b } } }')).toEqual(stack.services.map(({ name }) => name));
  });

  it.each(['{ external: true }', '{ external: { name: theirs } }', `{ external: '\${X:-true}' }`])(
    'with the external volume %s neither labels nor deletes it',
    (external) => {
      const { added, files, refused } = render(SIDE.replace('{ name: elsewhere }', external));
      expect([refused, added.volumes]).toEqual([undefined, ['medianest_notes']]);
      const labels = parse(files.find(({ path }) => path === 'compose.labels.yml')?.contents ?? '');
      expect(Object.keys(labels.volumes)).toEqual(['notes']);
    },
  );

  it('that gives an added service another volume replaces its container', () => {
    const inputs = (override: string) => render(override).added.services[0]?.inputs;
    expect(inputs(SIDE.replace('elsewhere', 'here'))).not.toBe(inputs(SIDE));
    expect(inputs(SIDE.replace('  notes:\n', '  notes: { name: here }\n'))).not.toBe(inputs(SIDE));
    expect(inputs(SIDE.replace('  notes:\n', '  notes:\n  other: { name: here }\n'))).toBe(inputs(SIDE));
  });

  it.each([
    ['nothing', ''],
    ['comments alone', '# nothing yet\n'],
    ['an empty section', 'services: {}\n'],
    ['a null section', 'services:\nvolumes:\n'],
    ['a service of ours without keys', 'services:\n  redis:\n'],
    ['tags of Compose', 'services:\n  redis:\n    pids_limit: !reset null\n'],
    ['an own service that extends another file', 'services: { side: { extends: { file: ./x.yml, service: a } } }'],
    ['a port that is free', 'services: { side: { image: a, ports: ["127.0.0.1:9999:80", "53:53/udp", 8080, { target: 80 }] } }'],
    ['an external network', 'networks: { proxy: { external: true } }\nservices: { side: { image: a, networks: [proxy] } }'],
    ['a volume that is not external', 'volumes: { a: { external: false }, b: null, c: { driver_opts: { type: tmpfs } } }'],
    ['labels of the operator', 'services: { side: { image: a, labels: ["com.example=1"] } }'],
    ['a name near to one of ours', 'services: { redis-exporter: { image: a }, my.edge: { image: a }, app_2: { image: a } }'],
  ])('with %s is taken', (_what, text) => {
    expect(refusal(text)).toBe('taken');
  });

  it.each([
    ['an image for a service of ours', 'services: { redis: { image: redis:7 } }', /"redis" has an image, and medianest has a service/],
    ['a build for a service of ours', 'services: { edge: { build: . } }', /"edge" has an image/],
    ['a name that more members would take', 'services: { app-9: { image: a } }', /"app-9" has a name that belongs to app/],
    ['a service that is not there', 'services: { reddis: { cpus: 1 } }', /neither an image nor a build.*did you mean `redis`/],
    ['services as a list', 'services: [a]', /`services` is no mapping/],
    ['a service as a text', 'services: { side: yes please }', /"side" is no mapping/],
    ['our volume as an external one', 'volumes: { uploads: { external: true } }', /"uploads" is medianest’s/],
    ['our volume under another name', 'volumes: { uploads: { name: theirs } }', /"uploads" is medianest’s/],
    ['a volume whose name leads out', 'volumes: { a: { name: ../../etc } }', /does not take/],
    ['a volume whose name is a variable', `volumes: { a: { name: '\${NAME}' } }`, /does not take/],
    [
      'a service with a control character',
      'services: { "a\\u001b[2J": { image: a } }',
      /"a\\u001b\[2J" has a name that Docker does not take/,
    ],
    ['a service called __proto__', 'services: { __proto__: { image: a } }', /"__proto__" has a name/],
    ['a service with a slash', 'services: { a/b: { image: a } }', /"a\/b" has a name/],
    ['a service with a name of 64 characters', `services: { ${'a'.repeat(64)}: { image: a } }`, /has a name that Docker does not take/],
    ['our label on a service', 'services: { side: { image: a, labels: { io.medianest.project: other } } }', /io\.medianest\.project/],
    ['our label in a list', 'services: { redis: { labels: ["io.medianest.inputs=x"] } }', /io\.medianest\.inputs/],
    ['Compose’s label on a volume', 'volumes: { a: { labels: { com.docker.compose.project: other } } }', /com\.docker\.compose\.project/],
    ['our label on a network', 'networks: { own: { labels: { io.medianest.project: other } } }', /"own" sets the label/],
    ['the container name of one of ours', 'services: { side: { image: a, container_name: medianest-edge-1 } }', /medianest-edge-1/],
    ['a port of ours', 'services: { side: { image: a, ports: ["8443:80"] } }', /publishes port 8443, which is edge’s/],
    ['a range with a port of ours', 'services: { side: { image: a, ports: ["127.0.0.1:8440-8450:80-90"] } }', /port 8443/],
    ['a port of ours in the long form', 'services: { side: { image: a, ports: [{ target: 80, published: "8443" }] } }', /port 8443/],
    [
      'an address of ours',
      'services: { side: { image: a, networks: { db: { ipv4_address: 192.168.0.20 } } } }',
      /192\.168\.0\.20, which is postgres’s/,
    ],
  ])('with %s is refused, and told by its name and the fix', (_what, text, message) => {
    const told = refusal(text);
    expect(told).toMatch(message);
    expect(told).toMatch(/^COMPOSE_REFUSED compose\.override\.yml: .*; nothing was changed \| ./);
    // No control character of it reaches a terminal.
    expect(told).not.toMatch(/\p{Control}/u);
  });
});

describe('the plan', () => {
  const now = render(SIDE);
  const own = stack.services.map(({ name }) => runningContainer(name, now.inputs[name], { component: name }));
  const inputs = now.added.services[0]?.inputs;
  const side = runningContainer('side', inputs);
  const plan = (containers: Parameters<typeof settledFacts>[1], wanted = now, more = {}) =>
    planUp(
      stack,
      wanted,
      settledFacts(now, containers, { applied: { edge: `${now.configs.edge} 01` }, installed: { edge: '01' }, ...more }),
    );
  const of = ({ changes }: ReturnType<typeof plan>, service = 'side') => changes.find((change) => change.service === service);

  it('has nothing to do where the added service runs as it should', () => {
    expect(plan([...own, side]).steps).toEqual([]);
    expect(of(plan([...own, side]))?.action).toBe('keep');
  });
  it.each([
    ['is not there', [], 'create', /adds it/],
    ['was made before its section changed', [{ ...side, inputs: 'old' }], 'recreate', /compose\.override\.yml/],
    [
      'was made by a version that did not label it',
      [{ ...side, project: undefined, component: undefined, inputs: undefined }],
      'recreate',
      /override/,
    ],
    ['has ended', [{ ...side, state: 'exited', health: 'none' as const }], 'start', /exited/],
    ['is unhealthy', [{ ...side, health: 'unhealthy' as const }], 'start', /unhealthy/],
    ['is only beginning', [{ ...side, health: 'starting' as const }], 'start', /starting/],
    ['was started from another folder', [{ ...side, stateFolder: '/old' }], 'recreate', /moved from \/old/],
    ['is there twice', [side, { ...side, number: 2 }], 'start', /wants 1 of it \(there are 2\)/],
  ])('sees that it %s', (_what, there, action, cause) => {
    const planned = plan([...own, ...there]);
    expect(of(planned)).toMatchObject({ action, cause: expect.stringMatching(cause) });
    expect(planned.steps.find(({ kind }) => kind === 'compose-up')).toMatchObject({ services: ['side'] });
  });
  it('removes it once the override has it no more, with a word about its volumes', () => {
    for (const gone of [side, { ...side, project: undefined, component: undefined, inputs: undefined }]) {
      const planned = plan([...own, { ...gone, volumes: ['medianest_notes'] }], render());
      expect(of(planned)).toMatchObject({ action: 'remove', dataRisk: expect.stringMatching(/kept \(notes\)/) });
      expect(planned.steps.map(({ kind }) => kind)).toContain('compose-up');
    }
  });
  it('leaves alone what an included file may have added, and what asks for a profile', () => {
    const unlabelled = { ...side, project: undefined, component: undefined, inputs: undefined };
    expect(of(plan([...own, unlabelled], render('include: [other.yml]\n')))).toBeUndefined();
    const asked = render('services: { side: { image: a, profiles: [debug] } }');
    expect(of(plan(own, asked))).toBeUndefined();
    expect(of(plan([...own, side], asked))).toBeUndefined();
    expect(of(plan(own, render('services: { side: { image: a, scale: 0 } }')))).toBeUndefined();
  });
  it('is none of a command that concerns one service alone', () => {
    expect(of(plan(own, now, { only: ['edge'] }))).toBeUndefined();
    expect(of(plan([...own, side], render(), { only: ['edge'] }))).toBeUndefined();
  });
  it('pulls an image that is missing', () => {
    const { steps } = plan(own, now, { missingImages: ['debian:trixie-slim'] });
    expect(steps).toContainEqual(expect.objectContaining({ kind: 'pull-image', ref: 'debian:trixie-slim' }));
  });
});
