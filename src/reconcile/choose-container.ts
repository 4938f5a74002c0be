import type { Reporter } from '../core/reporter.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { controllerOf, leadersOf, memberStates } from '../members/agent-cli.ts';
import type { Manifest } from '../stack/manifest.ts';

/** Of several containers that a name stands for, the one that is meant: the leader, or else the first that runs. */
export async function chooseContainer(
  engine: Engine,
  services: Manifest['services'],
  named: readonly string[],
  containers: readonly ObservedContainer[],
  report: Reporter,
): Promise<string> {
  const [only = ''] = named;
  if (named.length === 1) return only;
  const members = services.filter(({ name, member }) => member && named.includes(name));
  const leaders = members.length > 1 ? leadersOf(await memberStates(engine, containers, controllerOf(members))) : [];
  const chosen = firstOf(named, leaders, containers);
  if (members.length > 1 && !leaders.includes(chosen)) report.warn(`no leader is known among ${named.join(', ')}: this is ${chosen}`);
  return chosen;
}

/** The first leader, or the first that runs, or the first. */
export function firstOf(
  named: readonly string[],
  leaders: readonly string[],
  containers: readonly Pick<ObservedContainer, 'service' | 'state'>[],
): string {
  const running = named.filter((name) => containers.some(({ service, state }) => service === name && state === 'running'));
  return running.find((name) => leaders.includes(name)) ?? running[0] ?? named[0] ?? '';
}
