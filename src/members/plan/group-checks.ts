import type { Check } from '../../capability/check.ts';
import type { Manifest } from '../../stack/manifest.ts';
import type { MemberState } from '../../stack/member.ts';

/** One check for each group of members. @param members what their controller says of them; undefined where it does not answer */
export function groupChecks(manifest: Manifest | undefined, members: Readonly<Record<string, MemberState>> | undefined): Check[] {
  const services = manifest?.services.flatMap(({ name, member }) => (member ? [{ name, ...member }] : [])) ?? [];
  return [...new Set(services.map(({ group }) => group))].map((group): Check => {
    const own = services.filter((service) => service.group === group);
    const controller = own[0]?.controller ?? '';
    const id = `group.${group}`;
    if (!members)
      return {
        id,
        status: 'fail',
        message: `${group}: its controller does not answer`,
        remedy: `medianest logs ${controller}, then medianest up`,
      };
    const bad = own.filter(({ name }) => !members[name]?.ok).map(({ name }) => name);
    const leaders = own.filter(({ name }) => members[name]?.role === 'leader').map(({ name }) => name);
    if (leaders.length === 0)
      return {
        id,
        status: 'fail',
        message: `${group}: no leader elected`,
        remedy: `medianest logs ${own.map(({ name }) => name).join(' ')}`,
      };
    if (bad.length > 0)
      return {
        id,
        status: 'warn',
        message: `${group}: ${bad.join(', ')} takes no part`,
        remedy: `medianest logs ${bad[0]}`,
        value: leaders.join(' '),
      };
    return {
      id,
      status: 'ok',
      message: `${group}: ${leaders.join(', ')} ${leaders.length === 1 ? 'leads' : 'lead'}, all take part`,
      value: leaders.join(' '),
    };
  });
}
