import { readFileSync } from 'node:fs';
import { connectNode } from '../cache/client.ts';
import { connectSentinel } from './observe.ts';
import { quorumOf } from './plan/plan.ts';
import { type SentinelCommand, type SentinelConfig, WATCHED } from './plan/types.ts';

const NODE_PORT = 6379;

/** What came of each command. A refusal is no failure: the next round observes and plans again. */
export interface Performed {
  command: SentinelCommand;
  refused?: string;
}

/** Redis' own words for a command, one after the other. */
function wordsOf(command: SentinelCommand, config: SentinelConfig): (string | number)[][] {
  const leader = 'leader' in command ? addressOf(config, command.leader) : '';
  switch (command.kind) {
    case 'lead':
      return [['REPLICAOF', 'NO', 'ONE']];
    case 'follow':
      return [['REPLICAOF', leader, NODE_PORT]];
    case 'failover':
      return [['SENTINEL', 'FAILOVER', WATCHED]];
    case 'watch':
      return [
        ['SENTINEL', 'REMOVE', WATCHED],
        ['SENTINEL', 'MONITOR', WATCHED, leader, NODE_PORT, quorumOf({ sentinels: config.sentinels as never })],
        [
          ...['SENTINEL', 'SET', WATCHED, 'auth-user', 'sentinel', 'auth-pass', readFileSync(config.sentinelPasswordFile, 'utf8')],
          ...['down-after-milliseconds', config.downAfterMs, 'failover-timeout', config.failoverTimeoutMs],
        ],
      ];
  }
}

/** One line for a person. */
export function describeCommand(command: SentinelCommand): string {
  switch (command.kind) {
    case 'lead':
      return `${command.at}: lead`;
    case 'follow':
      return `${command.at}: follow ${command.leader}`;
    case 'failover':
      return `${command.at}: promote the other node`;
    case 'watch':
      return `${command.at}: watch ${command.leader}`;
  }
}

/** Carries commands out in their order. */
export async function performSentinel(config: SentinelConfig, commands: readonly SentinelCommand[]): Promise<Performed[]> {
  const done: Performed[] = [];
  for (const command of commands) {
    const refused = await perform(config, command).then(
      () => undefined,
      (error: Error) => error.message,
    );
    done.push({ command, ...(refused !== undefined && { refused }) });
  }
  return done;
}

async function perform(config: SentinelConfig, command: SentinelCommand): Promise<void> {
  const address = addressOf(config, command.at);
  const toNode = command.kind === 'lead' || command.kind === 'follow';
  const link = await (toNode ? connectNode(config, address) : connectSentinel(config, address));
  try {
    for (const words of wordsOf(command, config)) {
      await link.ask(...words).catch((error: Error) => {
        // One that was wiped has nothing to forget.
        if (words[1] !== 'REMOVE' || !/No such master/i.test(error.message)) throw error;
      });
    }
  } finally {
    link.close();
  }
}

const addressOf = ({ nodes, sentinels }: SentinelConfig, service: string): string =>
  [...nodes, ...sentinels].find((member) => member.service === service)?.address ?? '';
