import type { Dashboard } from '@grafana/schema';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { DATASOURCES, type GrafanaDashboard } from '../../../src/services/monitoring/full/grafana-dashboard.ts';
import { COMMAND_PANELS } from '../../../src/services/monitoring/panels/command-panels.ts';
import { containerPanels } from '../../../src/services/monitoring/panels/container-panels.ts';
import { PANELS } from '../../../src/services/monitoring/panels/panels.ts';
import { CASES, load, rendered, stackOf } from '../../support/settings.ts';

const stack = stackOf(load(CASES.full));
const files = rendered(stack).files.filter(({ path }) => path.startsWith('grafana/'));
const boards = files
  .filter(({ path }) => path.startsWith('grafana/dashboards/'))
  .map(({ path, contents }) => [path.slice('grafana/dashboards/'.length), JSON.parse(contents) as GrafanaDashboard] as const);

// Grafana's own types judge the form while this is compiled.
const asGrafana = (
  board: GrafanaDashboard,
): Pick<Dashboard, 'uid' | 'title' | 'tags' | 'editable' | 'refresh' | 'schemaVersion' | 'timezone'> => board;

const datasource = z.union(
  Object.values(DATASOURCES).map((entry) => z.strictObject({ type: z.literal(entry.type), uid: z.literal(entry.uid) })),
);
const panel = z.strictObject({
  id: z.int().min(1),
  type: z.enum(['timeseries', 'logs', 'table']),
  title: z.string().min(3).max(80),
  description: z.string().regex(/^[A-Z].{10,}\.$/),
  datasource,
  gridPos: z.strictObject({ x: z.int().min(0).max(23), y: z.int().min(0), w: z.int().min(1).max(24), h: z.int().min(1) }),
  targets: z.array(z.looseObject({ refId: z.literal('A'), datasource })).min(1),
  fieldConfig: z.strictObject({
    defaults: z.strictObject({
      unit: z.enum(['percentunit', 'ops', 's', 'bytes', 'short', 'd']).optional(),
      min: z.number().optional(),
      thresholds: z
        .strictObject({
          mode: z.literal('absolute'),
          steps: z.array(z.strictObject({ color: z.enum(['green', 'orange', 'red']), value: z.number().nullable() })).min(1),
        })
        .optional(),
      custom: z.record(z.string(), z.unknown()).optional(),
    }),
    overrides: z.array(z.never()),
  }),
  options: z.record(z.string(), z.unknown()),
});
const board = z.strictObject({
  uid: z.string().regex(/^medianest-[a-z0-9-]{1,30}$/),
  title: z.string().min(3),
  description: z.string().min(3),
  tags: z.tuple([z.literal('medianest')]),
  schemaVersion: z.literal(41),
  version: z.literal(1),
  editable: z.literal(false),
  graphTooltip: z.literal(1),
  refresh: z.string().regex(/^\d+s$/),
  timezone: z.literal('browser'),
  time: z.strictObject({ from: z.string().startsWith('now-'), to: z.literal('now') }),
  annotations: z.strictObject({ list: z.array(z.never()) }),
  templating: z.strictObject({ list: z.array(z.looseObject({ type: z.literal('textbox'), name: z.string(), query: z.string() })) }),
  links: z.array(z.looseObject({ type: z.literal('dashboards'), tags: z.tuple([z.literal('medianest')]) })),
  panels: z.array(panel).min(1),
});

/** Grafana's variables, in place of what PromQL has no word for. */
const asPromql = (query: string) => query.replaceAll('$__rate_interval', '1m').replaceAll('$window', '1m');

/** What the parser of Prometheus's own editor finds wrong, and the selectors without a job. */
function judged(query: string): string[] {
  const text = asPromql(query);
  const problems: string[] = [];
  parser.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) problems.push(`error at ${node.from}`);
      if (node.name !== 'VectorSelector') return;
      const selector = text.slice(node.from, node.to);
      // Alerts are told by Prometheus itself, with the labels of what they are about.
      if (!selector.startsWith('ALERTS{') && !/[{,]job=~?"[^"]+"/.test(selector)) problems.push(`no job in ${selector}`);
    },
  });
  return problems;
}

const queries = boards.flatMap(([file, { panels }]) =>
  panels.flatMap(({ id, targets }) => targets.flatMap(({ expr }) => (typeof expr === 'string' ? [[`${file} ${id}`, expr] as const] : []))),
);

describe('Grafana’s dashboards', () => {
  it('are those that the issue asks for, and one for each service', () => {
    const names = boards.map(([file]) => file);
    for (const name of ['overview', 'edge', 'app', 'database', 'cache', 'backups', 'certificates', 'host', 'logs', 'traces'])
      expect(names).toContain(`Stack/${name}.json`);
    const groups = new Set(stack.services.filter(({ oneOff }) => !oneOff).map(({ name }) => name.replace(/-\d+$/, '')));
    // What reads the engine for the agent is measured with all others, and has no numbers of its own.
    groups.delete('engine-proxy');
    groups.delete('grafana');
    for (const name of groups) expect(names).toContain(`Services/${name}.json`);
  });
  it.each(boards)('%s is as Grafana writes it, and says of each panel what it shows', (_file, contents) => {
    expect(z.prettifyError(board.safeParse(contents).error ?? new z.ZodError([]))).toBe('');
    expect(asGrafana(contents).schemaVersion).toBe(41);
    for (const { datasource: source, fieldConfig } of contents.panels)
      if (source.uid === DATASOURCES.prometheus.uid) expect(fieldConfig.defaults.unit).toBeDefined();
  });
  it.each(boards)('%s has a number and a place of its own for each panel', (_file, { panels }) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });
  it('have uids that no other has', () => {
    const uids = boards.map(([, { uid }]) => uid);
    expect(new Set(uids).size).toBe(uids.length);
  });
  it('ask in PromQL, each metric of its job, and rates over what Grafana chooses', () => {
    expect(queries.length).toBeGreaterThan(80);
    for (const [place, query] of queries) expect({ place, problems: judged(query) }).toEqual({ place, problems: [] });
    for (const [, query] of queries) {
      expect(query).not.toContain('$window');
      for (const [, range] of query.matchAll(/\}\[([^\]]+)\]/g)) expect(['$__rate_interval', '1h']).toContain(range);
    }
  });
  it('would be told of a mistake in a query', () => {
    expect(judged('sum(rate(x{job="a"}[$__rate_interval])')).not.toEqual([]);
    expect(judged('up')).toEqual(['no job in up']);
    expect(judged('up{job="node"} + on (a) b{job=~"c|d"}')).toEqual([]);
  });
  it('have thresholds in the order of their values', () => {
    for (const [, { panels }] of boards)
      for (const { fieldConfig } of panels) {
        const values = (fieldConfig.defaults.thresholds?.steps ?? []).map(({ value }) => value ?? Number.NEGATIVE_INFINITY);
        expect(values).toEqual([...values].sort((a, b) => a - b));
        if (values.length > 0) expect(values[0]).toBe(Number.NEGATIVE_INFINITY);
      }
    const availability = boards.find(([file]) => file === 'Stack/overview.json')?.[1].panels[0];
    expect(availability?.fieldConfig.defaults.thresholds?.steps.map(({ color }) => color)).toEqual(['red', 'orange', 'green']);
  });
});

it('the tables of panels have one name for each, and say what is bad', () => {
  const all = [...PANELS, ...COMMAND_PANELS, ...containerPanels('x').map((entry) => ({ ...entry, section: 'host' as const }))];
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  for (const { id, warn, bad } of all) expect([id, warn === undefined]).toEqual([id, bad === undefined]);
});

describe('what Grafana is provisioned with', () => {
  const contents = (path: string) => files.find((file) => file.path === `grafana/${path}`)?.contents ?? '';
  const sources = parse(contents('provisioning/datasources/medianest.yml'));
  it('has data sources with the uids that dashboards name', () => {
    expect(sources.datasources.map(({ uid, type, editable }: Record<string, unknown>) => ({ uid, type, editable }))).toEqual(
      Object.values(DATASOURCES).map((entry) => ({ ...entry, editable: false })),
    );
  });
  it('lets no one change dashboards, sign up or look without a password, and asks no one outside', () => {
    expect(parse(contents('provisioning/dashboards/medianest.yml')).providers).toEqual([
      expect.objectContaining({ allowUiUpdates: false, disableDeletion: true }),
    ]);
    const ini = contents('grafana.ini');
    for (const line of ['allow_sign_up = false', 'reporting_enabled = false', 'check_for_updates = false', 'preinstall_disabled = true'])
      expect(ini).toContain(`\n${line}\n`);
    expect(ini).toMatch(/\[auth\.anonymous\]\nenabled = false/);
    expect(ini).toContain('admin_password = $__file{/run/secrets/grafana-admin-password}');
  });
  it('holds no password', () => {
    expect(sources.datasources[1].secureJsonData).toEqual({ basicAuthPassword: '$__file{/run/secrets/elasticsearch-grafana-password}' });
  });
  it('looks for traces by the name that the application gives itself', () => {
    const name = stack.services.find((service) => service.name === 'app-1')?.environment.OTEL_SERVICE_NAME;
    const [, traces] = boards.find(([file]) => file === 'Stack/traces.json') ?? [];
    expect(traces?.templating.list).toEqual([expect.objectContaining({ name: 'service', query: name })]);
  });
  it('draws only what the stack has', () => {
    const own = stackOf(load(CASES['full-without-logs']));
    const names = rendered(own).files.flatMap(({ path }) => (path.startsWith('grafana/dashboards/Stack/') ? [path.slice(25)] : []));
    const stores = ['cache.json', 'database.json'];
    expect(names.sort()).toEqual(
      [...stores, 'backups.json', 'certificates.json', 'edge.json', 'host.json', 'overview.json', 'traces.json'].sort(),
    );
  });
});
