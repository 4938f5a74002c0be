import { utcText } from '../../core/time.ts';
import { type DiskHealing, describeLastLook } from './disk.ts';

/** Something that the agent did or noticed, as it stands in its log. */
export interface AgentAction {
  time: string;
  what: string;
  facts: Readonly<Record<string, unknown>>;
}

/** What `agent status` tells. */
export interface AgentStatus {
  containers: { service: string; state: string; health: string }[];
  /** `act` where it starts and restarts containers by itself; `suggest` where it only says so. */
  healing: 'off' | 'suggest' | 'act';
  fencing: 'act' | 'off';
  /** A command works on the stack: healing waits for its end. */
  paused: boolean;
  actions: AgentAction[];
  /** Why it cannot be told what it did; absent where it can. */
  unread?: string;
  /** What was found of the disks last, and what went for space; absent before the first look. */
  disk?: DiskHealing;
}

/** One line of the agent's log; undefined where it is no JSON. */
export function agentAction(line: string): AgentAction | undefined {
  try {
    const { time, what, ...facts } = JSON.parse(line) as Record<string, unknown>;
    return typeof time === 'string' && typeof what === 'string' ? { time, what, facts } : undefined;
  } catch {
    return undefined;
  }
}

const factsText = (facts: AgentAction['facts']): string =>
  Object.entries(facts)
    .filter(([name]) => name !== 'action')
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');

/** For a person. */
export function describeAgent({ containers, healing, fencing, paused, actions, unread, disk }: AgentStatus): string {
  const state = ({ service, state: now, health }: AgentStatus['containers'][number]) =>
    `${service} ${now === 'running' ? (health === 'none' ? 'runs' : health) : now}`;
  const does = (on: string, word: string) => ({ act: word, suggest: `suggestions alone, no ${word}`, off: `no ${word}` })[on];
  return [
    `${containers.map(state).join(', ')}; ${does(healing, 'healing')}${paused ? ' (paused while a command works)' : ''}, ${does(fencing, 'fencing')}`,
    actions.length > 0 ? 'What it did last:' : unread === undefined ? 'It has done nothing yet' : `What it did cannot be told: ${unread}`,
    ...actions.map(
      ({ time, what, facts }) => `  ${utcText(new Date(time))} ${what}${Object.keys(facts).length > 0 ? `: ${factsText(facts)}` : ''}`,
    ),
    ...(disk ? describeLastLook(disk) : []),
  ].join('\n');
}
