import { describe, expect, it } from 'vitest';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { recordedAbsence } from '../../../src/stack/images/left-out.ts';
import { html } from '../../../src/topology/draw/html.ts';
import { boxAt } from '../../../src/topology/draw/labels.ts';
import { cellsOf, layOut } from '../../../src/topology/draw/layout.ts';
import { mermaid } from '../../../src/topology/draw/mermaid.ts';
import { along, type Box } from '../../../src/topology/draw/routes.ts';
import { svg } from '../../../src/topology/draw/svg.ts';
import { means, type Topology, topology, VISITORS } from '../../../src/topology/plan/topology.ts';
import { withAllTiers } from '../../support/large-stack.ts';
import { runningContainer } from '../../support/plan-facts.ts';
import { load, SUBNETS, stackOf } from '../../support/settings.ts';

const stack = (profile: string, file = '') => stackOf(load({ flags: { profile }, file }));
const prod = stack('prod');
const PLEX = { plex: { url: 'http://192.168.1.20:32400' } };
const withPlex = stack('prod', 'external: { plex: { url: "http://192.168.1.20:32400" } }\n');

const pictures: Record<string, Topology> = {
  dev: topology(stack('dev'), {}),
  'dev-compose': topology(stack('dev-compose'), {}),
  staging: topology(stack('staging'), {}),
  prod: topology(prod, {}),
  'prod with Plex': topology(withPlex, PLEX),
  'all tiers': topology(withAllTiers(withPlex), PLEX),
  'all tiers, live': topology(withAllTiers(withPlex), PLEX, {
    containers: withAllTiers(withPlex).services.map(({ name }) => runningContainer(name, undefined)),
    members: { 'postgres-1': { role: 'leader', ok: true, details: { timeline: 3, lag: '0 B' } } },
  }),
};

describe('the picture’s data', () => {
  const flows = (picture: Topology) =>
    picture.flows.map(({ from, to, tls }) => `${from.split('@')[0]} ${tls ? '=' : '-'} ${to.split('@')[0]}`);
  it('calls the way into a tunnel VPN, and the way in by SSH so', () => {
    const picture = topology(stack('dev-compose', 'components: { vpn: true, bastion: true }\n'), {});
    const ways = picture.flows.filter(({ from }) => from === VISITORS).map((flow) => `${flow.to.split('@')[0]} ${means(flow)}`);
    expect(ways.sort()).toEqual(['bastion SSH', 'edge TLS', 'vpn VPN']);
  });
  it('has every service once, in its network', () => {
    const { groups } = pictures.prod as Topology;
    expect(groups.flatMap(({ nodes }) => nodes.map(({ name }) => name)).sort()).toEqual(prod.services.map(({ name }) => name).sort());
    expect(groups.find(({ component }) => component === 'app')).toMatchObject({ home: 'app', also: ['db'], published: [] });
    expect(groups.find(({ component }) => component === 'edge')).toMatchObject({ home: 'dmz', published: ['0.0.0.0:80', '0.0.0.0:443'] });
  });
  it('tells who calls whom, and over what', () => {
    expect(flows(pictures.prod as Topology)).toEqual(
      expect.arrayContaining([
        `${VISITORS} = edge`,
        'edge = balancer',
        'balancer = app',
        'app = db-router',
        'db-router = patroni',
        'patroni = etcd',
      ]),
    );
    expect(flows(pictures['dev-compose'] as Topology)).toEqual(expect.arrayContaining(['edge - app', 'app - postgres', 'app - redis']));
    expect(flows(pictures['prod with Plex'] as Topology)).toEqual(expect.arrayContaining(['app - egress', 'egress - outside-plex']));
    expect(flows(topology(stack('prod', 'app: { tls: false }\n'), {}))).toContain('balancer - app');
    // What asks without being started after it: passwords go from the edge to sign-on as they are.
    expect(flows(pictures.prod as Topology)).toContain('edge - sign-on');
    expect(flows(topology(stack('staging', 'components: { crowdsec: true }\n'), {}))).toContain('edge - crowdsec');
  });
  it.each([
    ['starttls', '='],
    ['implicit', '='],
    ['none', '-'],
  ])('calls the way to a mail server with tls: %s so', (tls, line) => {
    const picture = topology(
      stack(
        'prod',
        `edge: { domains: [films.example.org] }\nsignOn: { mail: { host: smtp.example.org, from: a@example.org, tls: ${tls} } }\n`,
      ),
      {},
    );
    expect(flows(picture)).toContain(`sign-on ${line} sign-on`);
  });
  it('tells states, roles and lag of what runs', () => {
    const seen = {
      containers: [
        runningContainer('postgres-1', undefined),
        runningContainer('postgres-2', undefined, { health: 'starting' }),
        runningContainer('app-1', undefined, { state: 'exited' }),
        runningContainer('app-2', undefined, { health: 'unhealthy' }),
        runningContainer('etcd-1', undefined),
      ],
      members: {
        'postgres-1': { role: 'leader' as const, ok: true, details: { timeline: 3 } },
        'etcd-1': { role: 'replica' as const, ok: false, details: {} },
      },
    };
    const nodes = topology(prod, {}, seen).groups.flatMap((group) => group.nodes);
    const node = (name: string) => nodes.find((entry) => entry.name === name);
    expect(node('postgres-1')).toMatchObject({ state: 'healthy', role: 'leader', details: ['timeline 3'], address: '10.40.0.20' });
    expect(['postgres-2', 'app-1', 'app-2', 'app-3', 'etcd-1'].map((name) => node(name)?.state)).toEqual([
      'starting',
      'stopped',
      'unhealthy',
      'missing',
      'unhealthy',
    ]);
  });
});

const overlap = (a: Box, b: Box) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const within = (inner: Box, outer: Box) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

describe.each(Object.entries(pictures))('the layout of %s', (_name, picture) => {
  const layout = layOut(picture);
  it('keeps groups apart, in their networks, and cells in their groups', () => {
    const boxes = [...layout.groups, ...layout.outside].map(({ box }) => box);
    const meeting = boxes.flatMap((box, index) => boxes.slice(index + 1).filter((other) => overlap(box, other)));
    expect(meeting).toEqual([]);
    for (const { item, box } of layout.groups) {
      expect(within(box, layout.networks.find((network) => network.item.name === item.home)?.box as Box)).toBe(true);
      const cells = cellsOf(item, box);
      expect(cells).toHaveLength(item.nodes.length);
      for (const cell of cells) expect(within(cell, box)).toBe(true);
    }
    expect(layout.width).toBeLessThan(1450);
  });
  it('leads every way from its start to its end, and through no other group', () => {
    expect(layout.routes).toHaveLength(picture.flows.length);
    for (const { from, to, points } of layout.routes) {
      const others = layout.groups.filter(({ item }) => item.id !== from && item.id !== to);
      const straight = points
        .slice(1)
        .map((point, index) => [points[index] as [number, number], point] as const)
        .filter(([a, b]) => a[0] === b[0]);
      const through = others.filter(({ box }) =>
        straight.some(
          ([a, b]) => a[0] > box.x && a[0] < box.x + box.width && Math.min(a[1], b[1]) < box.y + box.height && Math.max(a[1], b[1]) > box.y,
        ),
      );
      expect([from, to, through.map(({ item }) => item.id)]).toEqual([from, to, []]);
    }
  });
  it('leads no line behind a box, and none over a word', () => {
    const boxes = [
      ...layout.groups.map(({ item, box }) => ({ id: item.id, box })),
      ...layout.outside.map(({ item, box }) => ({ id: item.id, box })),
    ];
    const inside = ([x, y]: readonly number[], { box, id }: { box: Box; id: string }, own: readonly string[]) => {
      // A line touches the boxes that it joins, and no more.
      const edge = own.includes(id) ? 1 : 0;
      return (
        (x as number) > box.x + edge &&
        (x as number) < box.x + box.width - edge &&
        (y as number) > box.y + edge &&
        (y as number) < box.y + box.height - edge
      );
    };
    const words = layout.routes.map(({ from, to, label }) => ({ id: `word of ${from} to ${to}`, box: boxAt(label) }));
    const faults = layout.routes.flatMap(({ from, to, points }) => {
      const way = along(points);
      const met = [...boxes, ...words.filter(({ id }) => id !== `word of ${from} to ${to}`)];
      return met.filter((box) => way.some((point) => inside(point, box, [from, to]))).map(({ id }) => `${from} to ${to}: ${id}`);
    });
    expect(faults).toEqual([]);
    const standing = [...words, ...boxes];
    const meeting = words.flatMap((word, index) =>
      standing
        .slice(index + 1)
        .filter(({ box }) => overlap(word.box, box))
        .map(({ id }) => `${word.id}: ${id}`),
    );
    expect(meeting).toEqual([]);
  });
  it('is drawn whole, as SVG, as a page and as Mermaid', () => {
    const drawn = svg(picture);
    expect([...drawn.matchAll(/data-node="([^"]+)"/g)].map((match) => match[1]).sort()).toEqual(
      picture.groups.flatMap(({ nodes }) => nodes.map(({ name }) => name)).sort(),
    );
    expect(drawn.match(/<path class="flow/g)).toHaveLength(picture.flows.length);
    expect(drawn).toContain('socket: a file of the host');
    expect(drawn.match(/data-network=/g)).toHaveLength(picture.networks.length);
    expect(drawn.match(/published /g)?.length ?? 0).toBeGreaterThanOrEqual(1);
    expect(drawn).not.toMatch(/NaN|undefined/);
    const text = mermaid(picture);
    const subgraphs = text.match(/^ *subgraph /gm)?.length;
    expect([text.match(/^ *end$/gm)?.length, subgraphs]).toEqual([
      subgraphs,
      picture.networks.length + picture.groups.filter(({ nodes }) => nodes.length > 1).length,
    ]);
    expect(text.match(/(==>|-\.->)\|(TLS|plain|socket)\|/g)).toHaveLength(picture.flows.length);
    expect(html(picture, new Date(0)).match(/<tr>/g)).toHaveLength(1 + picture.groups.flatMap(({ nodes }) => nodes).length);
  });
});

it('lets no name become markup', () => {
  const bad = { ...(pictures.dev as Topology), project: '<script>"&' };
  for (const text of [svg(bad), html(bad, new Date(0))]) expect(text).not.toContain('<script>');
});

it('leaves out what the last `up` left out for want of its image, and says so', () => {
  const loaded = load({ flags: { profile: 'prod' }, file: 'observability: full\n' });
  const whole = stackOf(loaded);
  const image = whole.services.find(({ name }) => name === 'grafana')?.image.ref ?? '';
  const absence = recordedAbsence([{ service: 'grafana', image }]);
  const picture = topology(
    buildStack(loaded.settings, registry, {
      version: '0.0.0',
      overrides: {},
      subnets: SUBNETS,
      sourceHash: () => 'fixed',
      engineSocket: { path: '/var/run/docker.sock', gid: 999 },
      absence,
    }),
    {},
  );
  expect(picture.leftOut).toEqual(['grafana']);
  expect(picture.groups.map(({ component }) => component)).not.toContain('grafana');
  for (const text of [html(picture, new Date(0)), mermaid(picture)]) expect(text).toContain('left out for want of their images: grafana');
  expect(topology(whole, {}).leftOut).toEqual([]);
});
