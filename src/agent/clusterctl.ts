import { parseArgs } from 'node:util';
import type { Group, Say, WantedLeader } from './group.ts';

const USAGE =
  'usage: clusterctl status | handover SERVICE | settled SERVICE SECONDS | switchover [--to SERVICE] [--from SERVICE] | failover [--to SERVICE] [--from SERVICE] [--force]';

/**
 * One command of the cluster controller (src/agent/README.md).
 * @returns what belongs on stdout
 * @throws Error whose message is for a person
 */
export async function clusterctl(argv: readonly string[], groups: readonly Group[], say: Say): Promise<string> {
  const [command, first = '', second = ''] = argv;
  const groupOf = (service: string): Group => {
    const found = groups.find(({ members }) => members.includes(service));
    if (!found)
      throw new Error(
        `${service || 'nothing'} is no member of a group; members are ${groups.flatMap(({ members }) => members).join(', ') || 'none'}`,
      );
    return found;
  };
  switch (command) {
    case 'status': {
      const states = await Promise.all(groups.map((group) => group.status()));
      return `${JSON.stringify(Object.assign({}, ...states))}\n`;
    }
    case 'handover':
      await groupOf(first).handover(first, say);
      return '';
    case 'settled': {
      const seconds = Number(second);
      if (!(seconds > 0)) throw new Error(USAGE);
      await groupOf(first).settled(first, seconds, say);
      return '';
    }
    case 'switchover':
    case 'failover': {
      const wanted = wantedLeader(argv.slice(1));
      const change = groups.find((group) => group[command])?.[command];
      if (!change) throw new Error('this stack has no database with members');
      return `${await change(wanted, say)}\n`;
    }
    default:
      throw new Error(USAGE);
  }
}

function wantedLeader(args: readonly string[]): WantedLeader {
  try {
    return {
      ...parseArgs({ args: [...args], options: { to: { type: 'string' }, from: { type: 'string' }, force: { type: 'boolean' } } }).values,
    };
  } catch {
    throw new Error(USAGE);
  }
}
