import type { Service } from '../stack/types.ts';

/** Limits may add up to more than there is, but not to what could never run. */
const OVERCOMMIT = 4;

/** What makes each group smaller. */
const SETTINGS: Record<string, string> = {
  database: '`database.members` or `database.memory`',
  coordination: '`etcd.members` or `etcd.memory`',
  cache: '`redisCluster.replicas` or `redisCluster.memory`',
};

type Sized = Pick<Service, 'memoryBytes'> & Partial<Pick<Service, 'member'>>;

/** Pure: why containers could never run beside each other on a machine, and what helps; undefined where they can. */
export function memoryProblem(services: readonly Sized[], available: number): { message: string; hint: string } | undefined {
  const groups = new Set(services.flatMap(({ member }) => (member ? [member.group] : [])));
  for (const group of groups) {
    // Members hold the same data and are busy at the same time: what one of them needs, all of them do.
    const own = services.filter(({ member }) => member?.group === group);
    if (sum(own) <= available) continue;
    return {
      message: `the ${own.length} members of ${group} may use up to ${gib(sum(own))} together, all at the same time, and this machine has ${gib(available)}`,
      hint: `a smaller ${SETTINGS[group] ?? '`memory`'} in medianest.yml`,
    };
  }
  if (sum(services) <= available * OVERCOMMIT) return undefined;
  return {
    message: `${services.length} containers may use up to ${gib(sum(services))} together, and this machine has ${gib(available)}`,
    hint: 'fewer replicas (app.replicas), or smaller memory limits (`memory:` of each service)',
  };
}

const sum = (services: readonly Sized[]): number => services.reduce((bytes, service) => bytes + service.memoryBytes, 0);
const gib = (bytes: number): string => `${Math.round((bytes / 1024 ** 3) * 10) / 10} GiB`;
