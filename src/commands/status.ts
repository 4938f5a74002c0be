import { type Command, done } from './command.ts';

export const status: Command = {
  name: 'status',
  summary: 'Services, their state, health, image and addresses',
  example: 'medianest status',
  run: async (context) => {
    const { open } = await import('../engine/open.ts');
    const { statusReport } = await import('../plan/status.ts');
    const { table } = await import('../ui/table.ts');
    const { loaded, state } = await open(context);
    const containers = await (await context.engine()).observe(loaded.settings.project);
    const report = statusReport(loaded.settings.project, loaded.profile, state.manifest(), containers);
    const rows = report.services.map((service) => [
      service.name,
      service.state,
      service.health,
      service.image,
      Object.values(service.addresses).join(' '),
    ]);
    const lines = [
      `${report.project} (${report.profile}): ${report.state}`,
      ...(rows.length > 0 ? [table([['SERVICE', 'STATE', 'HEALTH', 'IMAGE', 'ADDRESSES'], ...rows])] : []),
      ...report.urls,
    ];
    return done(report, lines.join('\n'));
  },
};
