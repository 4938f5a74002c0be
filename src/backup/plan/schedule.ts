import type { Schedule } from '../../capability/capability.ts';

export const BACKUP_SCHEDULE: Schedule = {
  group: 'backup',
  what: 'backups, pruning, verification and drills',
  runsAtInstall: false,
  timers: [
    { name: 'full', calendar: 'Sun *-*-* 02:00:00', delay: '1min', command: ['backup', '--type', 'full'] },
    { name: 'incr', calendar: 'Mon..Sat *-*-* 02:00:00', delay: '1min', command: ['backup', '--type', 'incr'] },
    { name: 'diff', calendar: '*-*-* 00..01,03..23:30:00', delay: '1min', command: ['backup', '--type', 'diff'] },
    { name: 'prune', calendar: '*-*-* 04:00:00', delay: '1min', command: ['backup', 'prune'] },
    { name: 'verify', calendar: 'Sun *-*-* 05:00:00', delay: '1min', command: ['backup', 'verify'] },
    { name: 'drill', calendar: '*-*-01 06:00:00', delay: '1min', command: ['drill'] },
  ],
};
