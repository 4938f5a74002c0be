import type { Execution } from '../../capability/capability.ts';
import type { Rolling } from '../../stack/types.ts';

/** The balancer's own program for its runtime API. */
export const BACKEND = '/usr/local/bin/backend';

/** A replica behind a balancer. */
export interface Replica {
  service: string;
  rolling: Rolling;
  waitSeconds: number;
}

/** @param service the balancer */
export async function askBalancer(service: string, run: Execution, argv: readonly string[]) {
  const found = (await run.engine.observe(run.prepared.project)).find((entry) => entry.service === service && entry.state === 'running');
  // Without a balancer nothing is sent to the replica, and nothing keeps it out.
  if (!found) return { exitCode: 0, output: '' };
  return run.engine.exec(found.id, [BACKEND, ...argv]);
}
