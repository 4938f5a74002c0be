import { type Command, done } from '../../capability/command.ts';
import { UserError } from '../../core/errors.ts';
import type { Timer } from '../plan/timers.ts';

const ACTIONS = ['install', 'remove', 'status', 'show'];

/** `certs schedule` and `backup schedule` differ in their timers alone. */
function scheduleCommand(group: string, what: string, timers: () => Promise<readonly Timer[]>, first: boolean): Command {
  const name = `${group} schedule`;
  return {
    name,
    summary: `Systemd timers for ${what}: install, remove (both as root), status, or show them`,
    example: `medianest ${name} install`,
    args: '[action]',
    run: async (context, [action = 'status']) => {
      if (!ACTIONS.includes(action))
        throw new UserError('USAGE', `${name} ${action}: should be one of ${ACTIONS.join(', ')}`, `medianest ${name} status`);
      const { open } = await import('../../project/open.ts');
      const { installTimers, removeTimers, timerStatus, unitFiles } = await import('../timers.ts');
      const opened = await open(context);
      const own = await timers();
      if (action === 'show' || (action === 'install' && context.flags.dryRun)) {
        const units = await unitFiles(context, opened, own);
        const text = Object.entries(units).map(([file, contents]) => `# ${file}\n${contents}`);
        return done({ units }, text.join('\n'));
      }
      if (action === 'install') {
        const units = await installTimers(context, opened, own, first);
        const said = first ? ', and ran once just now' : '';
        return done({ units }, `systemd runs ${what}${said}: ${units.join(', ')}`);
      }
      if (action === 'remove') {
        const units = await removeTimers(context, opened, own);
        const did = context.flags.dryRun ? 'would remove' : 'removed';
        return done({ units }, units.length > 0 ? `${did} ${units.join(', ')}` : 'no timer is installed');
      }
      const statuses = await timerStatus(opened, own);
      const lines = statuses.map(
        ({ unit, active, next, last, lastResult }) =>
          `${unit}: ${active ? `next at ${next ?? 'once it has run'}` : 'stopped'}; last run ${last ?? 'never'}${lastResult ? ` (${lastResult})` : ''}`,
      );
      const installed = statuses.length > 0;
      return done({ installed, timers: statuses }, installed ? lines.join('\n') : `no timer is installed: sudo medianest ${name} install`);
    },
  };
}

export const certsSchedule = scheduleCommand(
  'certs',
  'renewals, every hour',
  async () => (await import('../plan/timers.ts')).CERTIFICATE_TIMERS,
  true,
);

export const backupSchedule = scheduleCommand(
  'backup',
  'backups, pruning, verification and drills',
  async () => (await import('../plan/timers.ts')).BACKUP_TIMERS,
  false,
);
