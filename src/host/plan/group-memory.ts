import type { Service } from '../../stack/types.ts';
import { bytes } from './finding.ts';

/** What makes each group smaller. */
const SETTINGS: Record<string, string> = {
  database: '`database.members` or `database.memory`',
  coordination: '`etcd.members` or `etcd.memory`',
  cache: '`redisCluster.replicas` or `redisCluster.memory`',
};

type Sized = Pick<Service, 'memoryBytes'> & Partial<Pick<Service, 'member'>>;

/**
 * The first group whose members could never all be busy on a machine with so much memory, and what helps. They hold the same
 * data and are busy at the same time: what one of them needs, all of them do.
 */
export function groupTooLarge(services: readonly Sized[], available: number): { message: string; remedy: string } | undefined {
  const groups = new Set(services.flatMap(({ member }) => (member ? [member.group] : [])));
  for (const group of groups) {
    const own = services.filter(({ member }) => member?.group === group);
    const sum = own.reduce((total, { memoryBytes }) => total + memoryBytes, 0);
    if (sum <= available) continue;
    return {
      message: `the ${own.length} members of ${group} may use up to ${bytes(sum)} together, all at the same time, and this machine has ${bytes(available)}`,
      remedy: `a smaller ${SETTINGS[group] ?? '`memory`'} in medianest.yml`,
    };
  }
  return undefined;
}
