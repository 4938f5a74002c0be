import type { Manifest } from '../../stack/manifest.ts';
import type { MemberState } from '../../stack/member.ts';
import type { Cause, Suspect } from './why.ts';

/**
 * What is wrong with a group of members that no single container shows: no leader, or a member that does not follow it.
 * @param states undefined where the cluster controller does not answer
 */
export function leaderCause(
  suspects: readonly Suspect[],
  services: Manifest['services'],
  states: Readonly<Record<string, MemberState>> | undefined,
): Cause[] {
  const members = services.filter(({ name, member }) => member && suspects.some(({ service }) => service === name));
  const groups = new Map(members.map((service) => [service.member?.group as string, service.member?.controller as string]));
  return [...groups].flatMap(([group, controller]): Cause[] => {
    const own = members.filter(({ member }) => member?.group === group).map(({ name }) => name);
    const cause = (what: string, fix: string): Cause => ({
      service: group,
      what,
      since: null,
      evidence: own.map((name) => ({ at: null, source: 'cluster controller', text: `${name}: ${memberText(states?.[name])}` })),
      fix,
    });
    if (!states) return [cause(`cannot be told: the cluster controller in ${controller} does not answer`, `medianest why ${controller}`)];
    if (!own.some((name) => states[name]?.role === 'leader'))
      return [cause('has no leader', 'wait a minute: one is elected as soon as enough members run; medianest health says which do not')];
    const behind = own.filter((name) => states[name] && !states[name].ok);
    return behind.length > 0 ? [cause(`${behind.join(', ')}: not healthy as seen by the others`, 'medianest status --wide')] : [];
  });
}

function memberText(state: MemberState | undefined): string {
  if (!state) return 'unknown';
  const details = Object.entries(state.details).map(([key, value]) => `${key} ${value}`);
  return [`${state.role}${state.ok ? '' : ', not healthy'}`, ...details].join(', ');
}
