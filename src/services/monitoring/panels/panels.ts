import { DATA_PANELS } from './data-panels.ts';
import { type Panel, SECTIONS } from './panel.ts';
import { SERVICE_PANELS } from './service-panels.ts';

/** Everything that the dashboard, the report and Grafana draw of Prometheus, by section. A test asks each of a running stack. */
export const PANELS: readonly Panel[] = SECTIONS.flatMap((section) =>
  [...SERVICE_PANELS, ...DATA_PANELS].filter((panel) => panel.section === section),
);
