import type { Panel, Unit } from '../panels/panel.ts';

/** Grafana keeps what it has provisioned by these: they are for ever. */
export const DATASOURCES = {
  prometheus: { type: 'prometheus', uid: 'medianest-prometheus' },
  logs: { type: 'elasticsearch', uid: 'medianest-logs' },
  traces: { type: 'jaeger', uid: 'medianest-traces' },
} as const;

type Datasource = (typeof DATASOURCES)[keyof typeof DATASOURCES];

interface Step {
  color: string;
  /** From here on; null: from the beginning. */
  value: number | null;
}

/** How a kind of panel is drawn: each has names of its own. */
type PanelOptions = Record<string, unknown>;

/** One picture of a dashboard (Grafana's manual, "Dashboard JSON model"). */
export interface GrafanaPanel {
  id: number;
  type: 'timeseries' | 'logs' | 'table';
  title: string;
  description: string;
  datasource: Datasource;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Record<string, unknown>[];
  fieldConfig: {
    defaults: {
      unit?: string;
      min?: number;
      max?: number;
      thresholds?: { mode: 'absolute'; steps: Step[] };
      custom?: Record<string, unknown>;
    };
    overrides: never[];
  };
  options: PanelOptions;
}

export interface GrafanaDashboard {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  schemaVersion: number;
  version: number;
  editable: boolean;
  graphTooltip: 0 | 1;
  refresh: string;
  timezone: 'browser';
  time: { from: string; to: string };
  annotations: { list: never[] };
  templating: { list: Record<string, unknown>[] };
  links: Record<string, unknown>[];
  panels: GrafanaPanel[];
}

/** A panel before it has its number and its place. */
export type Unplaced = Omit<GrafanaPanel, 'id' | 'gridPos'> & { wide?: true };

/** The version of Grafana's model of dashboards that Grafana 12 writes. */
const SCHEMA = 41;
/** Grafana's grid is 24 columns wide. */
const COLUMNS = 24;
const HEIGHT = 8;

const UNITS: Readonly<Record<Unit, string>> = {
  percent: 'percentunit',
  perSecond: 'ops',
  seconds: 's',
  bytes: 'bytes',
  count: 'short',
  days: 'd',
};

function thresholds({ warn, bad }: Pick<Panel, 'warn' | 'bad'>): Step[] {
  if (warn === undefined || bad === undefined) return [{ color: 'green', value: null }];
  const steps: [string, number | null][] =
    warn < bad
      ? [
          ['green', null],
          ['orange', warn],
          ['red', bad],
        ]
      : [
          ['red', null],
          ['orange', bad],
          ['green', warn],
        ];
  return steps.map(([color, value]) => ({ color, value }));
}

/** A picture of the table of panels as Grafana draws it: `$window` is what Grafana chooses by the scrape interval and the width. */
export const metricPanel = (panel: Omit<Panel, 'section'>): Unplaced => ({
  type: 'timeseries',
  title: panel.title,
  description: panel.description,
  datasource: DATASOURCES.prometheus,
  targets: [
    {
      refId: 'A',
      datasource: DATASOURCES.prometheus,
      editorMode: 'code',
      range: true,
      expr: panel.query.replaceAll('$window', '$__rate_interval'),
      legendFormat: panel.by === undefined ? panel.title : `{{${panel.by}}}`,
    },
  ],
  fieldConfig: {
    defaults: {
      unit: UNITS[panel.unit],
      min: 0,
      thresholds: { mode: 'absolute', steps: thresholds(panel) },
      custom: {
        drawStyle: 'line',
        fillOpacity: 10,
        lineWidth: 1,
        showPoints: 'never',
        thresholdsStyle: { mode: panel.warn === undefined ? 'off' : 'dashed' },
        ...(panel.upTo !== undefined && { axisSoftMax: panel.upTo }),
      },
    },
    overrides: [],
  },
  options: {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: panel.by !== undefined, calcs: [] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
});

/** @param slug what its uid ends with: for ever */
export function dashboard(
  slug: string,
  title: string,
  description: string,
  panels: readonly Unplaced[],
  variables: readonly Record<string, unknown>[] = [],
): GrafanaDashboard {
  let [x, y] = [0, 0];
  const placed = panels.map(({ wide, ...panel }, index): GrafanaPanel => {
    const w = wide ? COLUMNS : COLUMNS / 2;
    if (x + w > COLUMNS) [x, y] = [0, y + HEIGHT];
    const gridPos = { x, y, w, h: HEIGHT };
    x += w;
    return { id: index + 1, gridPos, ...panel };
  });
  return {
    uid: `medianest-${slug}`,
    title,
    description,
    tags: ['medianest'],
    schemaVersion: SCHEMA,
    version: 1,
    editable: false,
    graphTooltip: 1,
    refresh: '30s',
    timezone: 'browser',
    time: { from: 'now-6h', to: 'now' },
    annotations: { list: [] },
    templating: { list: [...variables] },
    links: [
      {
        type: 'dashboards',
        title: 'Dashboards',
        tags: ['medianest'],
        asDropdown: true,
        includeVars: false,
        keepTime: true,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
        url: '',
      },
    ],
    panels: placed,
  };
}
