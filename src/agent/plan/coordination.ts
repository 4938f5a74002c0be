import type { MemberState } from '../../stack/member.ts';

/** What one etcd says of itself (`/v3/maintenance/status`); undefined where it does not answer. */
export interface EtcdStatus {
  id: string;
  leader: string;
  term: string;
  applied: number;
  bytes: number;
  errors: string[];
}

/** Entries that a member may be behind: they are applied within moments. */
const SMALL_LAG = 100;

export type EtcdView = Readonly<Record<string, EtcdStatus | undefined>>;

export function coordinationStates(view: EtcdView): Record<string, MemberState> {
  return Object.fromEntries(
    Object.entries(view).map(([service, status]): [string, MemberState] => {
      if (!status) return [service, { role: 'unknown', ok: false, details: {} }];
      const details = {
        term: Number(status.term),
        size: `${Math.round(status.bytes / 1024)} KiB`,
        ...(status.errors.length > 0 && { alarm: status.errors.join(', ') }),
      };
      return [service, { role: status.id === status.leader ? 'leader' : 'replica', ok: etcdProblem(service, view) === undefined, details }];
    }),
  );
}

/** Why a member is not healthy; undefined if it is: it answers, agrees with the others on the leader, and is not behind. */
export function etcdProblem(service: string, view: EtcdView): string | undefined {
  const status = view[service];
  if (!status) return `${service} does not answer`;
  if (status.leader === '0' || status.leader === '') return `${service} knows no leader`;
  if (status.errors.length > 0) return `${service} reports ${status.errors.join(', ')}`;
  const others = Object.entries(view).flatMap(([name, other]) => (other && name !== service ? [{ name, ...other }] : []));
  const astray = others.find((other) => other.leader !== status.leader && Number(other.term) >= Number(status.term));
  if (astray) return `${service} and ${astray.name} do not agree on the leader`;
  const ahead = Math.max(status.applied, ...others.map(({ applied }) => applied));
  return ahead - status.applied > SMALL_LAG ? `${service} is ${ahead - status.applied} entries behind` : undefined;
}

/** Before one is stopped: the others, and they are a majority, must be well. */
export function etcdHandoverProblem(service: string, view: EtcdView): string | undefined {
  const others = Object.keys(view).filter((name) => name !== service);
  const well = others.filter((name) => etcdProblem(name, view) === undefined);
  const needed = Math.floor((others.length + 1) / 2) + 1;
  // A single member cannot hand over: the database keeps working without it, by its fail-safe mode.
  if (others.length === 0 || well.length >= needed) return undefined;
  return `only ${well.length} of the other members of etcd are well, and ${needed} are needed`;
}
