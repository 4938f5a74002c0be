import type { Schedule } from '../../capability/capability.ts';

export const CERTIFICATE_SCHEDULE: Schedule = {
  group: 'certs',
  what: 'renewals, every hour',
  runsAtInstall: true,
  // Spread over half an hour: a CA is busiest at the full hour.
  timers: [{ name: 'certs', cron: '0 * * * *', jitter: 1800, command: ['certs', 'renew'] }],
};
