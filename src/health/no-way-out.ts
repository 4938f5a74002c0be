import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { containersOf } from '../stack/roles.ts';
import { noWayOutCheck } from './plan/no-way-out.ts';

/** As many lines as a page of a terminal or two: what is older may be mended. */
const LINES = 200;

/** Whether a replica complains in its log of hosts that it has no way to. A log that cannot be read does not tell. */
export async function egressChecks({ project, manifest, containers, engine }: Seen): Promise<Check[]> {
  const { egress = false } = (project.loaded.settings.app ?? {}) as { egress?: boolean | string[] };
  const replica = containersOf(containers, manifest?.services, 'application').find(({ state }) => state === 'running');
  if (!replica || egress === true) return [];
  const lines = await engine.lastLogLines(replica.id, LINES).catch(() => []);
  const check = noWayOutCheck(egress, lines);
  return check ? [check] : [];
}
