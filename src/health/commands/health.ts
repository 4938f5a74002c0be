import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';

export const health: Command = {
  name: 'health',
  section: 'Look',
  summary: 'Each check ok, warn or fail, with its remedy (exit 5 if one fails)',
  example: 'medianest health --watch',
  options: [['--watch', 'Check again every 5 seconds until Ctrl-C']],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { collectChecks, look } = await import('../collect.ts');
    const { healthReport } = await import('../plan/health.ts');
    const { describeHealth } = await import('../../capability/describe-checks.ts');
    const project = await open(context);
    for (;;) {
      const seen = await look(context, project);
      const report = healthReport(seen.manifest, seen.containers, await collectChecks(seen), seen.lives, context.clock.now().getTime());
      const result = done(report, describeHealth(report), report.status === 'fail' ? EXIT.unhealthy : EXIT.done);
      if (!options.watch || context.flags.json || context.signal.aborted) return result;
      context.report.note(`${context.clock.now().toISOString()}\n${result.text}`);
      await sleep(5000, undefined, { signal: context.signal }).catch(() => undefined);
      if (context.signal.aborted) return { ...result, text: '' };
    }
  },
};
