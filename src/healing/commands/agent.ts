import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';

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
  summary: 'Start the agent and its proxy where a kill or a fault has ended them, and note what the agent did; a job, each minute',
  example: 'medianest agent heal',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { healAgent } = await import('../heal-agent.ts');
    const { noteActions } = await import('../note-actions.ts');
    const project = await open(context);
    const healed = await healAgent(context, project);
    let unread: string | undefined;
    // What was healed counts, also where what the agent did cannot be read.
    const noting = context.flags.dryRun ? 0 : noteActions(context, project);
    const noted = await Promise.resolve(noting).catch((error: unknown) => {
      if (!(error instanceof UserError) || error.code !== 'ENGINE_FAILED') throw error;
      unread = error.message;
      return 0;
    });
    const result = { ...healed, noted, ...(unread !== undefined && { unread }) };
    const also = [
      ...(noted > 0 ? [`${plural(noted, 'action')} of the agent noted in the audit log`] : []),
      ...(unread === undefined ? [] : [`what the agent did cannot be noted: ${unread}`]),
    ];
    const { started, busy } = healed;
    if (busy) return done(result, ['another command works on the stack; nothing was started', ...also].join('\n'));
    const did = context.flags.dryRun ? 'would start' : 'started';
    const what = started.length > 0 ? `${did} ${started.join(', ')}` : 'nothing to do: the agent and its proxy were not killed';
    return done(result, [what, ...also].join('\n'));
  },
};

const agentDisk: Command = {
  name: 'agent disk',
  summary: 'Where a disk has less than `diskReserve`: remove images of medianest that nothing needs; a job (exit 5: still full)',
  example: 'medianest agent disk --dry-run',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { healDisk } = await import('../disk/heal-disk.ts');
    const { describeDisk, lowDisks } = await import('../plan/disk.ts');
    const result = await healDisk(context, await open(context));
    const full = result.healing !== 'off' && !result.busy && lowDisks(result.disks, result.reserve).length > 0;
    return done(result, describeDisk(result).join('\n'), full && !context.flags.dryRun ? EXIT.unhealthy : EXIT.done);
  },
};

export const agentCommands: readonly Command[] = [agentStatus, agentHeal, agentDisk];
