import type { Capability, Schedule } from '../capability/capability.ts';
import { agentCommands } from './commands/agent.ts';

const AGENT_SCHEDULE: Schedule = {
  group: 'agent',
  what: 'starting a killed agent, and freeing full disks',
  runsAtInstall: false,
  role: 'agent',
  timers: [
    { name: 'agent', cron: '* * * * *', jitter: 0, command: ['agent', 'heal'], longest: '10min' },
    { name: 'disk', cron: '*/10 * * * *', jitter: 60, command: ['agent', 'disk'], longest: '1h' },
  ],
};

/** What keeps the healer itself alive. What the agent heals is its own program, src/agent. */
export const healing = {
  name: 'healing',
  commands: agentCommands,
  groups: { agent: { section: 'Machine', summary: 'The agent, which heals the stack: what it does, and start it after a kill' } },
  schedules: [AGENT_SCHEDULE],
  clues: async (seen, about) => {
    const { agentClues } = await import('./agent-clues.ts');
    return agentClues(seen, about);
  },
} satisfies Capability;
