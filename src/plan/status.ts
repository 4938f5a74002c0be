import type { ObservedContainer } from '../engine/types.ts';
import type { Manifest } from '../stack/manifest.ts';

export interface StatusReport {
  project: string;
  profile: string;
  state: 'running' | 'partial' | 'stopped';
  services: { name: string; component: string; state: string; health: string; image: string; addresses: Record<string, string> }[];
  urls: string[];
}

/** The containers that were seen, beside the services that were rendered last. */
export function statusReport(
  project: string,
  profile: string,
  manifest: Manifest | undefined,
  containers: readonly ObservedContainer[],
): StatusReport {
  const expected = (manifest?.services ?? []).filter((service) => !containers.some((container) => container.service === service.name));
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
    urls: state === 'stopped' ? [] : (manifest?.urls ?? []),
  };
}
