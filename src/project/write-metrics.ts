import type { Capability, Context, Ended } from '../capability/capability.ts';
import { readOptional, writeAtomic } from '../core/files.ts';
import { gauge, type Metric, metricsText } from '../core/metrics-text.ts';
import type { StateFolder } from '../state/state.ts';
import { open } from './open.ts';

/** Read by the textfile collector of node-exporter, and mounted there (services/monitoring/node-exporter.ts). */
const FOLDER = 'metrics';
/** Whether each capability could say what it had to. */
const COLLECTION = 'collection';

/**
 * Writes what every capability has to say after a measured command, each into a file of its own: what fails to tell leaves its last
 * values, and a metric that it failed. Never throws, and never says more than a line: the command itself went as it went.
 */
export async function writeMetrics(context: Context, { command, result }: Pick<Ended, 'command' | 'result'>): Promise<void> {
  try {
    const project = await open(context);
    // Before the first `up` there is nothing to measure, and no folder that may be made.
    if (!project.state.manifest()) return;
    const capabilities = (await context.capabilities()).filter(({ metrics }) => metrics);
    const failed: Record<string, boolean> = {};
    for (const capability of capabilities) failed[capability.name] = !(await written(capability, { context, project, command, result }));
    writeFile(project.state, COLLECTION, collectionMetrics(failed));
  } catch (error) {
    context.report.verbose(`metrics were not written: ${(error as Error).message}`);
  }
}

async function written({ name, metrics }: Capability, ended: Ended): Promise<boolean> {
  const { context, project } = ended;
  try {
    const said = await metrics?.(ended);
    if (said) writeFile(project.state, name, said);
    return true;
  } catch (error) {
    context.report.verbose(`metrics of ${name} were not written: ${(error as Error).message}`);
    return false;
  }
}

const collectionMetrics = (failed: Readonly<Record<string, boolean>>): Metric[] => [
  gauge(
    'medianest_metrics_failed',
    'Whether a capability failed to tell its metrics after the last command: its values are older ones.',
    Object.entries(failed).map(([capability, bad]) => ({ labels: { capability }, value: bad ? 1 : 0 })),
  ),
];

function writeFile(state: StateFolder, name: string, metrics: readonly Metric[]): void {
  const file = state.at(FOLDER, `${name}.prom`);
  const text = metricsText(metrics);
  // Its time tells when it was last written, so that it is written also where it is the same.
  if (text !== '' || readOptional(file) !== undefined) writeAtomic(file, text);
}
