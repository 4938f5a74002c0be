import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';

export const health: Command = {
  name: 'health',
  section: 'Look',
  summary: 'What is not ok, with its remedy, and how many checks are (exit 5 if one fails)',
  example: 'medianest health --watch',
  options: [
    ['--all', 'Every check, also those that are ok'],
    ['--watch', 'Check again every 5 seconds until Ctrl-C'],
  ],
  measured: true,
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { collectChecks, look } = await import('../collect.ts');
    const { healthReport } = await import('../plan/health.ts');
    const { describeHealth } = await import('../../capability/describe-checks.ts');
    const { watch } = await import('../../capability/watch.ts');
    const { widthOf } = await import('../../ui/fold.ts');
    const { painter } = await import('../../ui/paint.ts');
    const once = async () => {
      const seen = await look(context, await open(context));
      const report = healthReport(seen.manifest, seen.containers, await collectChecks(seen), seen.lives, context.clock.now().getTime());
      const asked = { all: options.all === true, width: widthOf(process.stdout), paint: painter(context.color) };
      return done(report, describeHealth(report, asked), report.status === 'fail' ? EXIT.unhealthy : EXIT.done);
    };
    return options.watch === true && !context.flags.json ? watch(context, 5, once) : once();
  },
};
