import type { Life } from '../../docker/plan/lives.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import type { ReplicaTraffic } from '../../services/app/balancer-stats.ts';
import type { Manifest } from '../../stack/manifest.ts';
import type { MemberState } from '../../stack/member.ts';

export interface StatusReport {
  project: string;
  profile: string;
  state: 'running' | 'partial' | 'stopped';
  services: ServiceStatus[];
  /** What else is worth knowing: the WAF's rules, encryption inside the stack, maintenance, an interrupted deploy. */
  notes: string[];
  urls: string[];
}

export interface ServiceStatus {
  name: string;
  component: string;
  state: string;
  health: string;
  image: string;
  addresses: Record<string, string>;
  /** How often the engine had to restart it; left out where it did not. */
  restarts?: number;
  /** Of a replica behind the balancer. */
  traffic?: ReplicaTraffic;
  /** Of a member of a group: whether it leads, and what else the controller knows. */
  role?: MemberState['role'];
  details?: MemberState['details'];
  /** The members that share its data, such as `database`, and whether these can count on it. */
  group?: string;
  ok?: boolean;
}

/** What was asked besides the list of containers. */
export interface StatusExtras {
  traffic: Readonly<Record<string, ReplicaTraffic>>;
  members: Readonly<Record<string, MemberState>>;
  notes: readonly string[];
  lives?: Readonly<Record<string, Life>>;
}

/** The containers that were seen, beside the services that were rendered last. */
export function statusReport(
  project: string,
  profile: string,
  manifest: Manifest | undefined,
  containers: readonly ObservedContainer[],
  extras: StatusExtras = { traffic: {}, members: {}, notes: [] },
): StatusReport {
  const expected = (manifest?.services ?? []).filter((service) => !containers.some((container) => container.service === service.name));
  const groups = new Map((manifest?.services ?? []).map(({ name, member }) => [name, member?.group]));
  const services = [
    ...containers.map((container) => ({
      name: container.service,
      component: container.component ?? '',
      state: container.state,
      health: container.health,
      image: container.image,
      addresses: Object.fromEntries(
        Object.entries(container.addresses).map(([network, address]) => [network.replace(`${project}_`, ''), address]),
      ),
      ...restartsPart(extras.lives?.[container.id]),
      ...(extras.traffic[container.service] && { traffic: extras.traffic[container.service] as ReplicaTraffic }),
      ...memberPart(extras.members[container.service], groups.get(container.service)),
    })),
    ...expected.map(({ name, component }) => ({ name, component, state: 'missing', health: 'none', image: '', addresses: {} })),
  ].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const running = containers.filter((container) => container.state === 'running').length;
  const state = running === 0 ? 'stopped' : running === services.length ? 'running' : 'partial';
  return {
    project,
    profile: containers.length > 0 ? (manifest?.profile ?? profile) : profile,
    state,
    services,
    notes: [...(manifest?.notes ?? []), ...extras.notes],
    urls: state === 'stopped' ? [] : (manifest?.urls ?? []),
  };
}

const restartsPart = (life: Life | undefined): Pick<ServiceStatus, 'restarts'> =>
  life && life.restarts > 0 ? { restarts: life.restarts } : {};

const memberPart = (
  member: MemberState | undefined,
  group: string | undefined,
): Pick<ServiceStatus, 'role' | 'details' | 'group' | 'ok'> =>
  member ? { role: member.role, details: member.details, ok: member.ok, ...(group !== undefined && { group }) } : {};
