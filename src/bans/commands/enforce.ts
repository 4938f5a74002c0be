import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

const BANS_MS = 10_000;
const LOGS_MS = 3_000;

export const enforce: Command = {
  name: 'bans enforce',
  summary: 'Keep bans in the firewall of the host until Ctrl-C (as root); where systemd runs, a unit does it',
  example: 'medianest bans enforce',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { requireRoot } = await import('../../firewall/nft.ts');
    const { hasFirewall } = await import('../../firewall/store.ts');
    const { acquireLock } = await import('../../state/lock.ts');
    const { poll } = await import('../../core/poll.ts');
    const { FirewallBans } = await import('../enforce/firewall-bans.ts');
    const { HostLogs } = await import('../enforce/host-logs.ts');
    const { together } = await import('../enforce/together.ts');
    requireRoot();
    const project = await open(context);
    if (!hasFirewall(project.state))
      throw new UserError(
        'NOT_RUNNING',
        'the firewall has no rules here that were loaded; nothing was changed',
        'sudo medianest firewall apply',
      );
    if (context.flags.dryRun) return done({ result: 'planned' }, 'would keep bans in the firewall of this host');
    project.state.open();
    const lock = await acquireLock(project.state.at('bans.lock'), 'medianest bans enforce', 0, context.signal, () => undefined);
    const bans = new FirewallBans(context);
    const logs = new HostLogs(context);
    const name = project.loaded.settings.project;
    const tell = (problem: string, before: string) =>
      problem !== before && context.report.note(`bans in the firewall: ${problem || 'all is well again'}`);
    let told = '';
    const enforced = async () => {
      const problem = await bans.round(project, logs.problem);
      tell(problem, told);
      told = problem;
      return undefined;
    };
    let toldOfLogs = '';
    const read = async () => {
      await logs.round(name, bans.hostLogs);
      tell(logs.problem, toldOfLogs);
      toldOfLogs = logs.problem;
      return undefined;
    };
    const again = (work: () => Promise<undefined>, every: number) => (signal: AbortSignal) =>
      poll(work, { every, timeout: Number.POSITIVE_INFINITY, signal });
    try {
      await together(context.signal, [again(enforced, BANS_MS), again(read, LOGS_MS)]);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'INTERRUPTED') throw error;
    } finally {
      logs.end();
      lock.release();
    }
    return done({ result: 'ended' }, 'ended: bans stand in the firewall for another hour at most');
  },
};
