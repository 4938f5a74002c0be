import type { Manifest } from './manifest.ts';
import type { FilePart, Mount, Role } from './types.ts';

/** Those of the services (of a stack or a manifest) that have this role. */
export const withRole = <S extends { role?: Role | undefined }>(services: readonly S[] | undefined, role: Role): S[] =>
  (services ?? []).filter((service) => service.role === role);

/** Names of those services. */
export const namesOf = (services: readonly { name: string; role?: Role | undefined }[] | undefined, role: Role): string[] =>
  withRole(services, role).map(({ name }) => name);

/** Of what was seen running, the containers of the services with this role. */
export const containersOf = <C extends { service: string }>(
  containers: readonly C[],
  services: readonly { name: string; role?: Role | undefined }[] | undefined,
  role: Role,
): C[] => {
  const names = namesOf(services, role);
  return containers.filter(({ service }) => names.includes(service));
};

/** The mounts of a service whose contents belong to a part of a backup. */
export const backedUp = ({ mounts }: { mounts: readonly Mount[] }, part: FilePart): Mount[] =>
  mounts.filter((mount) => mount.backedUp === part);

/** Manifests had no roles before medianest 0.4, and Prometheus none in early ones of 0.5: there a component stood for one. */
const BEFORE: Readonly<Record<string, Role>> = {
  edge: 'edge',
  balancer: 'balancer',
  app: 'application',
  postgres: 'database',
  patroni: 'database',
  etcd: 'coordination',
  redis: 'cache',
  'redis-cluster': 'cache',
  backup: 'repository',
  agent: 'agent',
  'engine-proxy': 'agent',
  prometheus: 'monitoring',
};

type Written = Manifest['services'][number];

/** A manifest as it was read from disk, whichever version of medianest wrote it. */
export const upgraded = (manifest: Manifest): Manifest => ({ ...manifest, services: manifest.services.map(upgradedService) });

function upgradedService(service: Written): Written {
  const { member } = service as { member?: { group: string; keeper?: string; controller?: string } };
  const role = service.role ?? BEFORE[service.component];
  return {
    ...service,
    ...(role && { role }),
    // `controller` was called `keeper` there.
    ...(member?.keeper && { member: { ...service.member, group: member.group, controller: member.keeper } }),
  };
}
