import { type Command, type Context, done, type Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { exists } from '../../core/files.ts';
import { listText, staying } from '../plan/uninstall.ts';

export const down: Command = {
  name: 'down',
  section: 'Change',
  summary: 'Stop and remove containers and networks; volumes are kept',
  example: 'medianest down',
  options: [
    ['--volumes', 'Delete the volumes too: every request, upload and session'],
    ['--no-backup', 'With --volumes: there is no backup to go back to, and that is meant'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { planDown, takeDown } = await import('../down.ts');
    const { describeStep, stepKinds } = await import('../../project/execute.ts');
    const kinds = await stepKinds(context);
    const project = await open(context);
    const name = project.loaded.settings.project;
    const volumes = options.volumes === true;
    if (volumes && !context.flags.dryRun) {
      // Whose data it is comes before the questions about it.
      const planned = await planDown(context, project, true);
      if (planned.volumes.length > 0) context.report.note(`will be deleted: ${planned.volumes.join(', ')}`);
      for (const { data } of options.backup === false ? [] : await context.capabilities()) {
        const problem = await data?.unprotected?.(project);
        if (problem)
          throw new UserError(
            'CONFIRMATION_NEEDED',
            `--volumes deletes the data of ${name}, and ${problem.reason}; nothing was changed`,
            problem.hint,
          );
      }
      const typed = context.flags.yes ? name : await context.ask(`Type the project’s name (${name}) to delete its volumes: `);
      if (typed !== name) {
        throw new UserError(
          'CONFIRMATION_NEEDED',
          `the volumes of ${name} were not confirmed; nothing was changed`,
          'type the project’s name, or pass --yes --volumes (and --no-backup where no backup is verified)',
        );
      }
    }
    const { services, volumes: deleted, steps } = await takeDown(context, project, volumes);
    if (context.flags.dryRun) {
      const planned =
        steps.length === 0
          ? `nothing to do: ${name} is not running`
          : [
              ...steps.map((step) => `- ${describeStep(kinds, step)}`),
              ...(deleted.length > 0 ? [`- volumes: ${deleted.join(', ')}`] : []),
            ].join('\n');
      return done({ project: name, removed: [], volumes, deleted, steps }, planned);
    }
    const stopped = services.length === 0 ? `${name} was not running` : `${name} is stopped`;
    const kept = volumes ? 'its volumes are deleted' : 'its volumes are kept';
    const said = steps.length === 0 ? `${name} is not running` : `${stopped}; ${kept}`;
    if (!volumes) return done({ project: name, removed: services, volumes }, said);
    const left = await leftBehind(context, project);
    const gone = left.filter(({ why }) => why === undefined).map((entry) => `  ${listText(entry)}`);
    const hint = gone.length > 0 ? ['what is left of it (`medianest uninstall` removes it):', ...gone] : [];
    const stays = left.flatMap((entry) => (entry.why === undefined ? [] : [`stays: ${listText(entry)} (${entry.why})`]));
    const listed = left.map(({ what, names }) => ({ what, names }));
    return done({ project: name, removed: services, volumes, deleted, left: listed }, [said, ...hint, ...stays].join('\n'));
  },
};

/** What `down --volumes` does not touch, and why `uninstall` will not either, where it will not. */
async function leftBehind(
  context: Context,
  { loaded, state }: Project,
): Promise<{ what: string; names: readonly string[]; why?: string | undefined }[]> {
  const { remnantsOf } = await import('../uninstall.ts');
  const remnants = await remnantsOf({ context, project: { loaded, state }, engine: await context.engine() });
  const own = (state.project() ?? loaded.settings.project) === loaded.settings.project;
  const folder = own && exists(state.root) ? [{ what: 'the state folder', names: [state.root] }] : [];
  return [...remnants.map((remnant) => ({ ...remnant, why: staying(remnant) })), ...folder];
}
