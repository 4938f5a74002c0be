import type { Capability, Context, Ended } from '../capability/capability.ts';
import { readOptional, writeUnsynced } from '../core/files.ts';
import { gauge, type Metric, metricsText } from '../core/metrics-text.ts';
import type { StateFolder } from '../state/state.ts';
import { reopen } from './open.ts';

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
    const project = await reopen(context);
    // Before the first `up` there is nothing to measure, and no folder that may be made.
    if (!project.state.manifest()) return;
    // Refuses what a newer medianest has written.
    project.state.open();
    const capabilities = (await context.capabilities()).filter(({ metrics }) => metrics);
    const outcomes: Record<string, Outcome> = {};
    for (const capability of capabilities) outcomes[capability.name] = await written(capability, { context, project, command, result });
    // A command that was refused has changed nothing, and nor does this.
    if (Object.values(outcomes).some((outcome) => outcome !== 'nothing')) writeFile(project.state, COLLECTION, collectionMetrics(outcomes));
  } catch (error) {
    context.report.verbose(`metrics were not written: ${(error as Error).message}`);
  }
}

type Outcome = 'wrote' | 'nothing' | 'failed';

async function written({ name, metrics }: Capability, ended: Ended): Promise<Outcome> {
  const { context, project } = ended;
  try {
    const said = await metrics?.(ended);
    return said && writeFile(project.state, name, said) ? 'wrote' : 'nothing';
  } catch (error) {
    context.report.verbose(`metrics of ${name} were not written: ${(error as Error).message}`);
    return 'failed';
  }
}

const collectionMetrics = (outcomes: Readonly<Record<string, Outcome>>): Metric[] => [
  gauge(
    'medianest_metrics_failed',
    'Whether a capability failed to tell its metrics after the last command: its values are older ones.',
    Object.entries(outcomes).map(([capability, outcome]) => ({ labels: { capability }, value: outcome === 'failed' ? 1 : 0 })),
  ),
];

/** @returns whether there was anything to write */
function writeFile(state: StateFolder, name: string, metrics: readonly Metric[]): boolean {
  const file = state.at(FOLDER, `${name}.prom`);
  const text = metricsText(metrics);
  // Its time tells when it was last written, so that it is written also where it is the same.
  if (text === '' && readOptional(file) === undefined) return false;
  writeUnsynced(file, text);
  return true;
}
