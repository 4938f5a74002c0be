import type { ObservedContainer } from '../../docker/types.ts';
import type { Member } from '../../stack/member.ts';
import type { Change } from './change.ts';
import type { Step } from './step.ts';

interface MemberService {
  name: string;
  component: string;
  member?: Member;
}

/** Groups in the order of their dependencies. */
const GROUPS = ['coordination', 'database', 'cache'];

/**
 * The members among these services that are taken one at a time: those that run, whose group has another one that runs,
 * and whose controller answers. Replicas come first and the leader last, so that one handover is enough.
 * @param leaders services that lead, according to the controller
 */
export function oneByOne<T extends MemberService>(
  chosen: readonly T[],
  all: readonly MemberService[],
  containers: readonly ObservedContainer[],
  leaders: readonly string[],
): (T & { member: Member })[] {
  const running = (name: string) => containers.some((entry) => entry.service === name && entry.state === 'running');
  const others = (service: MemberService) =>
    all.some(({ name, member }) => name !== service.name && member?.group === service.member?.group && running(name));
  return chosen
    .filter((service): service is T & { member: Member } => service.member !== undefined)
    .filter((service) => running(service.name) && others(service))
    .sort(
      (a, b) =>
        GROUPS.indexOf(a.member.group) - GROUPS.indexOf(b.member.group) ||
        Number(leaders.includes(a.name)) - Number(leaders.includes(b.name)) ||
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
}

/**
 * The leader gets shared settings before a member restarts: one that reads them afterwards would wait for another
 * start. A leader that is not well has other needs.
 * @param recreated names of the services that restart
 */
export function sharedFirst(
  recreated: ReadonlySet<string>,
  wanted: readonly MemberService[],
  containers: readonly ObservedContainer[],
  leaders: readonly string[],
): Extract<Step, { kind: 'reload' }>[] {
  const well = (name: string) => containers.some((entry) => entry.service === name && entry.health === 'healthy');
  return wanted.flatMap(({ name, member }) => {
    const restarts = wanted.some((other) => other.member?.group === member?.group && recreated.has(other.name));
    if (!member?.share || !leaders.includes(name) || !well(name) || !restarts) return [];
    return [{ kind: 'reload', service: name, argv: member.share, cause: 'its group restarts with the settings that all members share' }];
  });
}

/**
 * Members that leave their group go before the others continue without them: no member may wait for one that will not return.
 * Those of etcd go last, because handing over the database’s lead needs them.
 */
export function retirements(
  changes: readonly Change[],
  wanted: readonly MemberService[],
  containers: readonly ObservedContainer[],
): Extract<Step, { kind: 'retire-member' }>[] {
  const leaving = changes.flatMap(({ action, service }) => {
    const container = containers.find((entry) => entry.service === service);
    const member = wanted.find((entry) => entry.component === container?.component)?.member;
    return action === 'remove' && member && container?.state === 'running' ? [{ service, member }] : [];
  });
  return leaving
    .sort((a, b) => GROUPS.indexOf(b.member.group) - GROUPS.indexOf(a.member.group))
    .map(({ service, member }) => ({
      kind: 'retire-member',
      service,
      controller: member.controller,
      // etcd’s last member continues with its data; the others need a majority.
      handover: member.group !== 'coordination',
      cause: 'its group gets smaller',
    }));
}

/** Shared settings reach the leader by way of etcd: before etcd loses the members that are its majority. */
export function sharedBeforeEtcdShrinks(retired: readonly Extract<Step, { kind: 'retire-member' }>[], shared: readonly Step[]): Step[] {
  return [...retired.filter(({ handover }) => handover), ...shared, ...retired.filter(({ handover }) => !handover)];
}

/** The controller has to know a member to remove it from its group: its new configuration, which does not, comes after. */
export function controllersLast(steps: readonly Step[]): Step[] {
  const last = steps.findLastIndex(({ kind }) => kind === 'retire-member');
  const controllers = new Set(steps.flatMap((step) => (step.kind === 'retire-member' ? [step.controller] : [])));
  const isTheirs = (step: Step) => step.kind === 'activate-config' && controllers.has(step.service);
  const before = steps.slice(0, last + 1);
  return [...before.filter((step) => !isTheirs(step)), ...before.filter(isTheirs), ...steps.slice(last + 1)];
}
