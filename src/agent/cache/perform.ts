import { connectNode } from './client.ts';
import { text } from './plan/ranges.ts';
import type { CacheCommand, CacheConfig } from './plan/types.ts';

/** Redis' own words for a command. */
export function wordsOf(command: CacheCommand): (string | number)[] {
  switch (command.kind) {
    case 'set-epoch':
      return ['CLUSTER', 'SET-CONFIG-EPOCH', command.epoch];
    case 'take-slots':
      return ['CLUSTER', 'ADDSLOTSRANGE', ...command.slots.flat()];
    case 'meet':
      return ['CLUSTER', 'MEET', command.address, 6379];
    case 'failover':
      return ['CLUSTER', 'FAILOVER', command.how];
    case 'replicate':
      return ['CLUSTER', 'REPLICATE', command.master];
    case 'forget':
      return ['CLUSTER', 'FORGET', command.id];
  }
}

/** One line for a person. */
export function describeCommand(command: CacheCommand): string {
  switch (command.kind) {
    case 'set-epoch':
      return `${command.at}: begin with epoch ${command.epoch}`;
    case 'take-slots':
      return `${command.at}: take slots ${text(command.slots)}`;
    case 'meet':
      return `${command.at}: meet ${command.address}`;
    case 'failover':
      return `${command.at}: take over${command.how === 'TAKEOVER' ? ' without a vote' : ''}`;
    case 'replicate':
      return `${command.at}: follow ${command.master.slice(0, 8)}`;
    case 'forget':
      return `${command.at}: forget ${command.id.slice(0, 8)}`;
  }
}

/** What came of each command. A refusal is no failure: the next round observes and plans again. */
export interface Performed {
  command: CacheCommand;
  refused?: string;
}

/** Carries commands out in their order; those to one node over one connection. */
export async function performCache(config: CacheConfig, commands: readonly CacheCommand[]): Promise<Performed[]> {
  const links = new Map<string, ReturnType<typeof connectNode>>();
  const linkTo = (service: string) => {
    const link = links.get(service) ?? connectNode(config, config.nodes.find((node) => node.service === service)?.address ?? '');
    links.set(service, link);
    return link;
  };
  const done: Performed[] = [];
  try {
    for (const command of commands) {
      const refused = await linkTo(command.at)
        .then((link) => link.ask(...wordsOf(command)))
        .then(() => undefined)
        .catch((error: Error) => error.message);
      done.push({ command, ...(refused !== undefined && { refused }) });
    }
    return done;
  } finally {
    for (const link of links.values()) void link.then((open) => open.close()).catch(() => undefined);
  }
}
