import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, done } from '../../capability/command.ts';
import { EXIT } from '../../core/errors.ts';

export const health: Command = {
  name: 'health',
  summary: 'Each check ok, warn or fail, with its remedy (exit 5 if one fails)',
  example: 'medianest health --watch',
  options: [['--watch', 'Check again every 5 seconds until Ctrl-C']],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { groupChecks, healthReport } = await import('../plan/health.ts');
    const { keeperOf, memberStates } = await import('../../members/agent-cli.ts');
    const { describeHealth } = await import('../describe.ts');
    const { backupHealth } = await import('../../backup/alert.ts');
    const { archiveHealth } = await import('../../backup/repository/wal-health.ts');
    const { copyHealth } = await import('../../backup/copies/copies.ts');
    const { certificateHealth } = await import('../../certificates/status.ts');
    const opened = await open(context);
    const { loaded, state } = opened;
    const engine = await context.engine();
    for (;;) {
      const manifest = state.manifest();
      const containers = await engine.observe(loaded.settings.project);
      const keeper = keeperOf(manifest?.services);
      const members = keeper ? await memberStates(engine, containers, keeper) : {};
      const more = [
        ...groupChecks(manifest, members),
        ...(await certificateHealth(context, opened, containers)),
        ...backupHealth(state),
        ...(await archiveHealth(engine, manifest, containers, members)),
        ...(manifest ? await copyHealth(context, loaded) : []),
      ];
      const report = healthReport(manifest, containers, more);
      const result = done(report, describeHealth(report), report.status === 'fail' ? EXIT.unhealthy : EXIT.done);
      if (!options.watch || context.flags.json || context.signal.aborted) return result;
      context.report.note(`${context.clock.now().toISOString()}\n${result.text}`);
      await sleep(5000, undefined, { signal: context.signal }).catch(() => undefined);
      if (context.signal.aborted) return { ...result, text: '' };
    }
  },
};
