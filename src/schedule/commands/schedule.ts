import { type Command, done, type Schedule } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

const ACTIONS = ['install', 'remove', 'status', 'show'];

/** `certs schedule`, `backup schedule`: they differ in their timers alone. */
export function scheduleCommand({ group, what, timers, runsAtInstall }: Schedule): Command {
  const name = `${group} schedule`;
  return {
    name,
    summary: `Systemd timers for ${what}: install, remove (both as root), status, or show them`,
    example: `medianest ${name} install`,
    args: '[action]',
    run: async (context, [action = 'status']) => {
      if (!ACTIONS.includes(action))
        throw new UserError('USAGE', `${name} ${action}: should be one of ${ACTIONS.join(', ')}`, `medianest ${name} status`);
      const { open } = await import('../../project/open.ts');
      const { installTimers, installedUnits, removeTimers, timerStatus, unitFiles } = await import('../timers.ts');
      const { configured } = await import('../plan/jobs.ts');
      const { RUNNER } = await import('../plan/timers.ts');
      const project = await open(context);
      const asked = configured(timers, project.loaded.settings.jobs);
      if (action === 'install' && installedUnits(project.loaded.settings.project, [RUNNER]).length > 0)
        throw new UserError(
          'ALREADY_THERE',
          'systemd runs `medianest jobs run-due`, and that runs these too; nothing was changed',
          'to have a timer for each: sudo medianest jobs remove; then run the same command again',
        );
      if (action === 'show' || (action === 'install' && context.flags.dryRun)) {
        const units = await unitFiles(context, project, asked);
        const text = Object.entries(units).map(([file, contents]) => `# ${file}\n${contents}`);
        return done({ units }, text.join('\n'));
      }
      if (action === 'install') {
        const off = timers.filter(({ name }) => !asked.some((timer) => timer.name === name));
        const units = await installTimers(context, project, asked, runsAtInstall);
        await removeTimers(context, project, off);
        const said = runsAtInstall ? ', and ran once just now' : '';
        return done({ units }, `systemd runs ${what}${said}: ${units.join(', ')}`);
      }
      if (action === 'remove') {
        const units = await removeTimers(context, project, timers);
        const did = context.flags.dryRun ? 'would remove' : 'removed';
        return done({ units }, units.length > 0 ? `${did} ${units.join(', ')}` : 'no timer is installed');
      }
      const statuses = await timerStatus(project, timers);
      const lines = statuses.map(
        ({ unit, active, next, last, lastResult }) =>
          `${unit}: ${active ? `next at ${next ?? 'once it has run'}` : 'stopped'}; last run ${last ?? 'never'}${lastResult ? ` (${lastResult})` : ''}`,
      );
      const installed = statuses.length > 0;
      return done({ installed, timers: statuses }, installed ? lines.join('\n') : `no timer is installed: sudo medianest ${name} install`);
    },
  };
}
