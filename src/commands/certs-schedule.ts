import { UserError } from '../errors.ts';
import { type Command, done } from './command.ts';

const ACTIONS = ['install', 'remove', 'status'];

export const certsSchedule: Command = {
  name: 'certs schedule',
  summary: 'A systemd timer that runs certs renew every hour: install, remove (both as root), status',
  example: 'medianest certs schedule install',
  args: '[action]',
  run: async (context, [action = 'status']) => {
    if (!ACTIONS.includes(action))
      throw new UserError('USAGE', `certs schedule ${action}: should be one of ${ACTIONS.join(', ')}`, 'medianest certs schedule status');
    const { open } = await import('../engine/open.ts');
    const { installSchedule, removeSchedule, scheduleStatus } = await import('../engine/certs-schedule.ts');
    const opened = await open(context);
    if (action === 'install') {
      const result = await installSchedule(context, opened);
      const what = context.flags.dryRun ? 'would install' : 'certs renew runs every hour, and did once just now:';
      return done(result, `${what} ${result.units.join(', ')}`);
    }
    if (action === 'remove') {
      const result = await removeSchedule(context, opened);
      const what = context.flags.dryRun ? 'would remove' : 'removed';
      return done(result, result.units.length > 0 ? `${what} ${result.units.join(', ')}` : 'no timer is installed');
    }
    const status = await scheduleStatus(opened);
    const text = status.installed
      ? `timer ${status.active ? `waits, next at ${status.next ?? 'once it has run'}` : 'is stopped'}; last run ${status.last ?? 'never'}${status.lastResult ? ` (${status.lastResult})` : ''}`
      : 'no timer is installed: sudo medianest certs schedule install';
    return done(status, text);
  },
};
