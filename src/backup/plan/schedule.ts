import type { NextStep, Schedule } from '../../capability/capability.ts';

/** A run that is refused for a passing cause waits and tries again, the hourly one until the next is due. */
export const BACKUP_SCHEDULE: Schedule = {
  group: 'backup',
  what: 'backups, pruning, verification and drills',
  runsAtInstall: false,
  timers: [
    { name: 'full', calendar: 'Sun *-*-* 02:00:00', delay: '1min', command: ['backup', '--type', 'full', '--retry-for', '6h'] },
    { name: 'incr', calendar: 'Mon..Sat *-*-* 02:00:00', delay: '1min', command: ['backup', '--type', 'incr', '--retry-for', '6h'] },
    { name: 'diff', calendar: '*-*-* 00..01,03..23:30:00', delay: '1min', command: ['backup', '--type', 'diff', '--retry-for', '55m'] },
    { name: 'prune', calendar: '*-*-* 04:00:00', delay: '1min', command: ['backup', 'prune', '--retry-for', '6h'] },
    { name: 'verify', calendar: 'Sun *-*-* 05:00:00', delay: '1min', command: ['backup', 'verify', '--retry-for', '6h'] },
    { name: 'drill', calendar: '*-*-01 06:00:00', delay: '1min', command: ['drill', '--retry-for', '6h'] },
  ],
};

/** Without a schedule the data of a new stack is in no backup, and only the person can give one root's rights. */
export function backupAdvice(scheduled: boolean, hasSystemd: boolean): NextStep[] {
  if (scheduled) return [];
  return hasSystemd
    ? [{ command: 'sudo medianest backup schedule install', why: 'backups, verification and drills by themselves' }]
    : [{ command: 'medianest backup', why: 'every day, by cron or the like: systemd does not run here' }];
}
