import type { ObservedContainer } from '../engine/types.ts';
import type { Member } from '../stack/member.ts';

interface MemberService {
  name: string;
  member?: Member;
}

/** Groups in the order in which others stand on them. */
const GROUPS = ['coordination', 'database', 'cache'];

/**
 * The members among these services that are taken one at a time: those that run, whose group has another one that runs,
 * and whose keeper can be asked. What follows comes first and what leads last, so that one hand-over is enough.
 * @param leaders services that lead, as their keeper said
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
