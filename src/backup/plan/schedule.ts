import type { Schedule } from '../../capability/capability.ts';
import type { NextStep } from '../../capability/next-step.ts';

/** A run that is refused for a passing cause waits and tries again, the hourly one until the next is due. */
export const BACKUP_SCHEDULE: Schedule = {
  group: 'backup',
  what: 'backups, pruning, verification and drills',
  runsAtInstall: false,
  role: 'repository',
  timers: [
    { name: 'full', cron: '0 2 * * 0', jitter: 60, command: ['backup', '--type', 'full', '--retry-for', '6h'] },
    { name: 'incr', cron: '0 2 * * 1-6', jitter: 60, command: ['backup', '--type', 'incr', '--retry-for', '6h'] },
    { name: 'diff', cron: '30 0-1,3-23 * * *', jitter: 60, command: ['backup', '--type', 'diff', '--retry-for', '55m'] },
    { name: 'prune', cron: '0 4 * * *', jitter: 60, command: ['backup', 'prune', '--retry-for', '6h'] },
    { name: 'verify', cron: '0 5 * * 0', jitter: 60, command: ['backup', 'verify', '--retry-for', '6h'] },
    { name: 'drill', cron: '0 6 1 * *', jitter: 60, command: ['drill', '--retry-for', '6h'] },
  ],
};

/** Without a schedule the data of a new stack is in no backup, and only the person can give one root's rights. */
export function backupAdvice(scheduled: boolean, hasSystemd: boolean): NextStep[] {
  if (scheduled) return [];
  return hasSystemd
    ? [{ command: 'sudo medianest jobs install', why: 'backups, verification, drills and renewals by themselves' }]
    : [{ command: 'medianest jobs watch', why: 'backups, verification, drills and renewals by themselves: systemd does not run here' }];
}
