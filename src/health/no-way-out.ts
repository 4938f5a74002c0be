import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { isOfFirst } from '../stack/processes/place.ts';
import { withRole } from '../stack/roles.ts';
import { noWayOutCheck } from './plan/no-way-out.ts';

/** As many lines as a page of a terminal or two: what is older may be mended. */
const LINES = 200;

/** Whether a process complains in its log of hosts that it has no way to; one replica of each is read. A log that cannot be read does not tell. */
export async function egressChecks({ project, manifest, containers, engine }: Seen): Promise<Check[]> {
  const { app, services = {} } = project.loaded.settings as { app?: Calls; services?: Readonly<Record<string, Calls>> } & object;
  const replicas = withRole(manifest?.services, 'application');
  const checks = await Promise.all(
    [...new Set(replicas.map(({ component }) => component))].map(async (component) => {
      const same = replicas.filter((replica) => replica.component === component);
      const first = same.every(isOfFirst);
      const { egress = false } = (first ? app : services[component]) ?? {};
      const replica = containers.find(({ service, state }) => state === 'running' && same.some(({ name }) => name === service));
      if (!replica || egress === true) return undefined;
      const lines = await engine.lastLogLines(replica.id, LINES).catch(() => []);
      return noWayOutCheck(egress, lines, first ? undefined : component);
    }),
  );
  return checks.filter((check) => check !== undefined);
}

interface Calls {
  egress?: boolean | string[];
}
