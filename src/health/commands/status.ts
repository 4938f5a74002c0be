import { type Command, done } from '../../capability/capability.ts';

export const status: Command = {
  name: 'status',
  section: 'Look',
  summary: 'At a glance: how many services are healthy, who leads, where it is, and a line for each group',
  example: 'medianest status --watch',
  options: [
    ['--wide', 'A line for each service: state, health, traffic, role, image and addresses'],
    ['--watch', 'Look again every 2 seconds until Ctrl-C'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { look } = await import('../collect.ts');
    const { statusExtras } = await import('../collect-status.ts');
    const { statusReport } = await import('../plan/status.ts');
    const { describeStatus, describeStatusWide } = await import('../describe-status.ts');
    const { watch } = await import('../../capability/watch.ts');
    const { widthOf } = await import('../../ui/fold.ts');
    const { painter } = await import('../../ui/paint.ts');
    const describe = options.wide === true ? describeStatusWide : describeStatus;
    const once = async () => {
      const project = await open(context);
      const { loaded } = project;
      const seen = await look(context, project);
      const report = statusReport(loaded.settings.project, loaded.profile, seen.manifest, seen.containers, await statusExtras(seen));
      return done(report, describe(report, { width: widthOf(process.stdout), paint: painter(context.color) }));
    };
    return options.watch === true && !context.flags.json ? watch(context, 2, once) : once();
  },
};
