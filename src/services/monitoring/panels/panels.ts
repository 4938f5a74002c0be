import { DATA_PANELS } from './data-panels.ts';
import { jobsOf, type Panel, SECTIONS } from './panel.ts';
import { SERVICE_PANELS } from './service-panels.ts';

/** Everything that the dashboard, the report and Grafana draw of Prometheus, by section. A test asks each of a running stack. */
export const PANELS: readonly Panel[] = SECTIONS.flatMap((section) =>
  [...SERVICE_PANELS, ...DATA_PANELS].filter((panel) => panel.section === section),
);

/** The components whose containers answer in a job. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  agent: ['agent'],
  balancer: ['balancer'],
  edge: ['blackbox-exporter'],
  etcd: ['etcd'],
  nginx: ['nginx-exporter'],
  node: ['node-exporter'],
  patroni: ['patroni'],
  postgres: ['postgres-exporter'],
  redis: ['redis-exporter'],
};

/** Those that a stack of these components has data for. */
export const panelsOf = (components: ReadonlySet<string>): readonly Panel[] =>
  PANELS.filter(
    (panel) =>
      jobsOf(panel).every((job) => ANSWERS[job]?.some((component) => components.has(component)) ?? true) &&
      (panel.of === undefined || components.has(panel.of)),
  );
