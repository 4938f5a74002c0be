import { type Command, done } from '../../capability/capability.ts';
import { times } from '../../docker/plan/lives.ts';
import type { ServiceStatus } from '../plan/status.ts';

export const status: Command = {
  name: 'status',
  section: 'Look',
  summary: 'Services, their state, health, traffic, image and addresses',
  example: 'medianest status',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { look } = await import('../collect.ts');
    const { statusExtras } = await import('../collect-status.ts');
    const { statusReport } = await import('../plan/status.ts');
    const { table } = await import('../../ui/table.ts');
    const opened = await open(context);
    const { loaded } = opened;
    const seen = await look(context, opened);
    const report = statusReport(loaded.settings.project, loaded.profile, seen.manifest, seen.containers, await statusExtras(seen));
    const balanced = report.services.some((service) => service.traffic);
    const grouped = report.services.some((service) => service.role);
    const rows = report.services.map((service) => [
      service.name,
      state(service),
      service.health,
      ...(balanced ? [traffic(service)] : []),
      ...(grouped ? [role(service)] : []),
      service.image,
      Object.values(service.addresses).join(' '),
    ]);
    const lines = [
      `${report.project} (${report.profile}): ${report.state}`,
      ...(rows.length > 0
        ? [
            table([
              ['SERVICE', 'STATE', 'HEALTH', ...(balanced ? ['TRAFFIC'] : []), ...(grouped ? ['ROLE'] : []), 'IMAGE', 'ADDRESSES'],
              ...rows,
            ]),
          ]
        : []),
      ...report.notes,
      ...report.urls,
    ];
    return done(report, lines.join('\n'));
  },
};

/** `running, restarted 3 times`. */
const state = ({ state: own, restarts }: ServiceStatus): string => (restarts ? `${own}, restarted ${times(restarts)}` : own);

function traffic({ traffic: seen }: ServiceStatus): string {
  if (!seen) return '-';
  const waiting = seen.queued > 0 ? `, ${seen.queued} waiting` : '';
  return `${seen.state} ${seen.requestsPerSecond}/s${waiting}${seen.failed > 0 ? `, ${seen.failed} failed` : ''}`;
}

/** `leader, timeline 3`. */
function role({ role: own, details = {} }: ServiceStatus): string {
  if (!own) return '-';
  return [own, ...Object.entries(details).map(([name, value]) => `${name} ${value}`)].join(', ');
}
