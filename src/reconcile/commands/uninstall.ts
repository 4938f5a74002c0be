import { type Command, type Context, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { textOf } from '../../core/flags.ts';
import type { Removal } from '../plan/uninstall.ts';

export const uninstallCommand: Command = {
  name: 'uninstall',
  section: 'Change',
  summary: 'Remove everything of a project: containers, volumes, backups, images, timers, the state folder',
  example: 'medianest uninstall --dry-run',
  options: [
    ['--confirm <name>', 'The project’s name, instead of typing it; --yes alone is not enough'],
    ['--backups', 'Delete the backups in a folder of this host too (backup.local.path)'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { lookAtInstallation, uninstall } = await import('../uninstall.ts');
    const { planUninstall } = await import('../plan/uninstall.ts');
    const { describeStep, stepKinds } = await import('../../project/execute.ts');
    const project = await open(context);
    const name = project.loaded.settings.project;
    const backups = options.backups === true;
    const planned = planUninstall(await lookAtInstallation(context, project), backups);
    const settings = project.loaded.configFile;
    if (planned.steps.length === 0)
      return done({ project: name, removed: [], stays: planned.stays, steps: [] }, `nothing of ${name} is here`);
    if (context.flags.dryRun) {
      const kinds = await stepKinds(context);
      const steps = planned.steps.map((step) => `- ${describeStep(kinds, step)}`);
      return done(
        { project: name, removed: [], stays: planned.stays, steps: planned.steps },
        [...steps, '', ...staying(planned, settings)].join('\n'),
      );
    }
    await confirm(context, name, textOf(options.confirm), planned, settings);
    const removal = await uninstall(context, project, backups);
    return done(
      { project: name, removed: removal.removed, stays: removal.stays },
      [`${name} is uninstalled`, ...staying(removal, settings)].join('\n'),
    );
  },
};

const list = ({ what, names }: { what: string; names: readonly string[] }) => `${what}: ${names.join(', ')}`;

const staying = ({ stays }: Removal, settings: string | undefined): string[] => [
  ...stays.map((entry) => `stays: ${list(entry)} (${entry.why})`),
  ...(settings ? [`stays: your settings: ${settings}`] : []),
];

/** A name that is typed or given: `--yes` is in too many scripts. */
async function confirm(
  context: Context,
  project: string,
  given: string | undefined,
  planned: Removal,
  settings: string | undefined,
): Promise<void> {
  let typed = given;
  if (typed === undefined && !context.flags.yes) {
    for (const entry of planned.removed) context.report.note(`will be removed: ${list(entry)}`);
    for (const line of staying(planned, settings)) context.report.note(line);
    typed = await context.ask(`Type the project’s name (${project}) to remove all of it, backups included: `);
  }
  if (typed === project) return;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    `the removal of ${project} was not confirmed; nothing was changed`,
    `see what would go: medianest uninstall --dry-run; then type the project’s name, or pass --confirm ${project}`,
  );
}
