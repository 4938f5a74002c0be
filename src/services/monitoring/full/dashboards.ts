import type { Role } from '../../../stack/types.ts';
import { COMMAND_PANELS } from '../panels/command-panels.ts';
import { containerPanels } from '../panels/container-panels.ts';
import { jobsOf, type Panel, SECTION_TITLES, SECTIONS, type SectionName } from '../panels/panel.ts';
import { PANELS } from '../panels/panels.ts';
import { DATASOURCES, dashboard, type GrafanaDashboard, metricPanel, type Unplaced } from './grafana-dashboard.ts';

/** A container as the dashboards see it. */
export interface Shown {
  name: string;
  role?: Role | undefined;
  /** The jobs by which Prometheus measures it. */
  jobs: readonly string[];
}

/** What there is to draw. */
export interface Drawn {
  metrics: boolean;
  logs: boolean;
  /** Who the application says it is in its traces; null where there are none. */
  traces: string | null;
  services: readonly Shown[];
  /** Whether a component is part of the stack. */
  has: (component: string) => boolean;
}

const ABOUT: Readonly<Record<SectionName, string>> = {
  overview: 'Whether visitors are served',
  edge: 'The way in: nginx, as visitors see it',
  app: 'The replicas of the application behind the balancer',
  database: 'Members of the database and of etcd',
  cache: 'Nodes of the cache',
  backups: 'Backups, the archive of WAL, and what a disaster would cost',
  certificates: 'Certificates that visitors see',
  host: 'The machine that everything runs on',
};

/** `patroni-2` is one of several: they are on one dashboard. */
const groupOf = (name: string): string => name.replace(/-\d+$/, '');

/**
 * All dashboards: file below `dashboards/` (its folder is the folder in Grafana) -> dashboard. A panel is left out where nothing of
 * the stack measures it, and a dashboard where no panel is left.
 */
function dashboards({ metrics, logs, traces, services, has }: Drawn): Record<string, GrafanaDashboard> {
  const jobs = new Set(services.flatMap((service) => service.jobs));
  const known = (panel: Pick<Panel, 'query' | 'of'>) =>
    jobsOf(panel).every((job) => jobs.has(job)) && (panel.of === undefined || has(panel.of));
  const backedUp = services.some(({ role }) => role === 'repository');
  const all = [...PANELS, ...(backedUp ? COMMAND_PANELS : [])].filter(known);
  const sections = SECTIONS.map((section) => {
    const panels = all.filter((panel) => panel.section === section).map(metricPanel);
    return [`Stack/${section}.json`, dashboard(section, SECTION_TITLES[section], ABOUT[section], panels)] as const;
  });
  const groups = [...new Set(services.map(({ name }) => groupOf(name)))];
  const single = groups.map((group) => {
    const own = services.filter(({ name }) => groupOf(name) === group);
    const names = own.some(({ name }) => name !== group) ? `${group}(-[0-9]+)?` : group;
    const measured = new Set(own.flatMap((service) => service.jobs));
    const panels = [
      // The agent measures containers, also itself.
      ...(services.some(({ role }) => role === 'agent') ? containerPanels(names) : []),
      ...all.filter((panel) => jobsOf(panel).some((job) => measured.has(job))),
    ].map(metricPanel);
    const title = `Service: ${group}`;
    return [`Services/${group}.json`, dashboard(`service-${group}`, title, `The containers of ${group}`, panels)] as const;
  });
  const of = (entries: readonly (readonly [string, GrafanaDashboard])[]) => entries.filter(([, { panels }]) => panels.length > 0);
  return Object.fromEntries([
    ...(metrics ? [...of(sections), ...of(single)] : []),
    ...(logs ? [['Stack/logs.json', logDashboard()] as const] : []),
    ...(traces === null ? [] : [['Stack/traces.json', traceDashboard(traces)] as const]),
  ]);
}

/** The same as files of Grafana's configuration folder. */
export const dashboardFiles = (drawn: Drawn): Record<string, string> =>
  Object.fromEntries(
    Object.entries(dashboards(drawn)).map(([file, contents]) => [`dashboards/${file}`, `${JSON.stringify(contents, null, 1)}\n`]),
  );

const NO_FIELDS: Unplaced['fieldConfig'] = { defaults: {}, overrides: [] };

/** Queries of Grafana's Elasticsearch data source: Lucene, with an aggregation over time. */
function logDashboard(): GrafanaDashboard {
  const target = (query: string, more: Record<string, unknown>) => ({
    refId: 'A',
    datasource: DATASOURCES.logs,
    query,
    timeField: '@timestamp',
    ...more,
  });
  const counted = (title: string, description: string, query: string, by: string): Unplaced => ({
    type: 'timeseries',
    title,
    description,
    datasource: DATASOURCES.logs,
    targets: [
      target(query, {
        metrics: [{ id: '1', type: 'count' }],
        bucketAggs: [
          { id: '3', type: 'terms', field: by, settings: { size: '10', order: 'desc', orderBy: '_count', min_doc_count: '1' } },
          { id: '2', type: 'date_histogram', field: '@timestamp', settings: { interval: 'auto', min_doc_count: '0' } },
        ],
      }),
    ],
    fieldConfig: {
      defaults: {
        unit: 'short',
        min: 0,
        custom: { drawStyle: 'bars', fillOpacity: 60, lineWidth: 0, stacking: { mode: 'normal', group: 'A' } },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  });
  const lines: Unplaced = {
    type: 'logs',
    wide: true,
    title: 'Lines',
    description: 'Lines of all containers, the newest first; the filter is in Lucene’s syntax.',
    datasource: DATASOURCES.logs,
    targets: [target('$filter', { metrics: [{ id: '1', type: 'logs', settings: { limit: '500' } }], bucketAggs: [] })],
    fieldConfig: NO_FIELDS,
    options: {
      showTime: true,
      showLabels: false,
      showCommonLabels: false,
      wrapLogMessage: true,
      prettifyLogMessage: false,
      enableLogDetails: true,
      dedupStrategy: 'none',
      sortOrder: 'Descending',
    },
  };
  return dashboard(
    'logs',
    'Logs',
    'What all containers say, from Elasticsearch',
    [
      counted('Lines by level', 'How many lines of each level all containers have written.', '$filter', 'level'),
      counted(
        'Errors by service',
        'Lines that report an error, by the service that wrote them.',
        'level:(error OR fatal OR critical)',
        'service',
      ),
      lines,
    ],
    [textVariable('filter', 'Filter', '*')],
  );
}

function traceDashboard(application: string): GrafanaDashboard {
  const found: Unplaced = {
    type: 'table',
    wide: true,
    title: 'Newest traces',
    description: 'Traces of this service in Jaeger; each opens as a whole.',
    datasource: DATASOURCES.traces,
    targets: [{ refId: 'A', datasource: DATASOURCES.traces, queryType: 'search', service: '$service', limit: 50 }],
    fieldConfig: NO_FIELDS,
    options: { showHeader: true, cellHeight: 'sm' },
  };
  const slow: Unplaced = {
    ...found,
    title: 'Slow traces',
    description: 'Those that took longer than half a second.',
    targets: [{ refId: 'A', datasource: DATASOURCES.traces, queryType: 'search', service: '$service', minDuration: '500ms', limit: 50 }],
  };
  return dashboard(
    'traces',
    'Traces',
    'Requests on their way through the stack, from Jaeger',
    [found, slow],
    [textVariable('service', 'Service', application)],
  );
}

const textVariable = (name: string, label: string, value: string): Record<string, unknown> => ({
  type: 'textbox',
  name,
  label,
  hide: 0,
  query: value,
  current: { selected: true, text: value, value },
  options: [{ selected: true, text: value, value }],
});
