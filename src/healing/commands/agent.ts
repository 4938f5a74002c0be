import { type Command, done } from '../../capability/capability.ts';

const agentStatus: Command = {
  name: 'agent status',
  summary: 'The agent and its proxy: whether they run, heal and fence, and what the agent did last',
  example: 'medianest agent status',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { agentStatus: read } = await import('../agent-status.ts');
    const { describeAgent } = await import('../plan/agent-status.ts');
    const status = await read(context, await open(context));
    return done(status, describeAgent(status));
  },
};

const agentHeal: Command = {
  name: 'agent heal',
  summary: 'Start the agent and its proxy where a kill or a fault has ended them; a job runs it each minute',
  example: 'medianest agent heal',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { healAgent } = await import('../heal-agent.ts');
    const healed = await healAgent(context, await open(context));
    const { started, busy } = healed;
    if (busy) return done(healed, 'another command works on the stack; nothing was done');
    const did = context.flags.dryRun ? 'would start' : 'started';
    return done(healed, started.length > 0 ? `${did} ${started.join(', ')}` : 'nothing to do: the agent and its proxy were not killed');
  },
};

export const agentCommands: readonly Command[] = [agentStatus, agentHeal];
