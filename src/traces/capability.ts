import type { Capability } from '../capability/capability.ts';
import { trace } from './commands/trace.ts';

/** Traces of requests: from a line of a log to them, and whether they are taken. */
export const traces: Capability = {
  name: 'traces',
  commands: [trace],
  checks: async (seen) => {
    if (seen.project.loaded.settings.traces.endpoint === undefined) return [];
    const { collectorChecks } = await import('./collector.ts');
    return collectorChecks(seen);
  },
  notes: ({ project: { loaded } }) => {
    const { endpoint, sample, url } = loaded.settings.traces;
    if (endpoint === undefined) return [];
    return [
      `traces: ${Number((sample * 100).toFixed(2))} % of the requests, errors and slow ones go to ${endpoint}${url ? ` (${url})` : ''}`,
    ];
  },
};
