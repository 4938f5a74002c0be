import { type Command, done, type Options } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { textOf, waitSecondsOf } from '../../core/flags.ts';

const waitOption = ['--timeout <seconds>', 'How long each replica may take to become healthy (default: 180)'] as const;

export const deploy: Command = {
  name: 'deploy',
  section: 'Change',
  summary: 'Put a version of the app into service, by `app.strategy`; goes back where it does not become ready',
  example: 'medianest deploy --image ghcr.io/me/app:1.4.0',
  options: [
    ['--image <ref>', 'The image; without it the one of medianest.yml, or the portal'],
    ['--pull', 'Ask the registry for a newer image of the same name'],
    ['--confirm', 'The release that serves stays: replicas of the one before, kept by a blue-green deploy, are removed'],
    ['--due', 'With --confirm: only once app.keepSeconds have passed; a job does this each minute'],
    waitOption,
  ],
  measured: true,
  run: (context, _args, options) =>
    options.confirm === true || options.due === true ? confirm(context, options) : roll(context, options, {}),
};

export const rollback: Command = {
  name: 'rollback',
  section: 'Change',
  summary: 'Back to an earlier release: its exact image and the settings that went with it',
  example: 'medianest rollback r3',
  args: '[release]',
  options: [waitOption],
  measured: true,
  run: (context, [release], options) => roll(context, options, { to: release ?? 'previous' }),
};

export const releases: Command = {
  name: 'releases',
  section: 'Look',
  summary: 'What was deployed, when, by whom, and how it ended',
  example: 'medianest releases',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { readReleases } = await import('../store/release-store.ts');
    const { currentRelease } = await import('../plan/releases.ts');
    const { table } = await import('../../ui/table.ts');
    const { state } = await open(context);
    const list = readReleases(state);
    const current = currentRelease(list)?.id;
    const rows = list.map((entry) => [
      `${entry.id}${entry.id === current ? ' *' : ''}`,
      entry.time.slice(0, 19).replace('T', ' '),
      entry.result === 'running' ? 'interrupted' : entry.result,
      entry.image,
      entry.imageId.replace('sha256:', '').slice(0, 12),
      entry.user,
      entry.command,
    ]);
    const text =
      rows.length > 0
        ? table([['RELEASE', 'TIME (UTC)', 'RESULT', 'IMAGE', 'ID', 'BY', 'COMMAND'], ...rows])
        : 'nothing was deployed yet: medianest up';
    return done({ current: current ?? null, releases: list }, text);
  },
};

async function roll(context: Parameters<Command['run']>[0], options: Options, asked: { to?: string }) {
  const { open } = await import('../../project/open.ts');
  const { deploy: run } = await import('../deploy.ts');
  const { describeStep, stepKinds } = await import('../../project/execute.ts');
  const outcome = await run(context, await open(context), {
    ...asked,
    image: textOf(options.image),
    pull: options.pull === true,
    waitSeconds: waitSecondsOf(options.timeout),
  });
  if (outcome.result === 'planned') {
    const kinds = await stepKinds(context);
    return done(outcome, (outcome.steps ?? []).map((step) => describeStep(kinds, step)).join('\n'));
  }
  const { deployedText } = await import('../plan/deployed-text.ts');
  return done(outcome, deployedText(outcome), outcome.result === 'deployed' ? EXIT.done : EXIT.failed);
}

async function confirm(context: Parameters<Command['run']>[0], options: Options) {
  if (options.image !== undefined || options.pull === true)
    throw new UserError('USAGE', '--confirm deploys nothing: it goes without --image and --pull', 'medianest deploy --confirm');
  if (options.confirm !== true) throw new UserError('USAGE', '--due goes with --confirm', 'medianest deploy --confirm --due');
  const { open } = await import('../../project/open.ts');
  const { confirmRelease } = await import('../confirm.ts');
  const outcome = await confirmRelease(context, await open(context), options.due === true);
  const { gaveUp, removed } = outcome;
  const verb = context.flags.dryRun ? 'would be' : removed.length === 1 ? 'is' : 'are';
  const text =
    gaveUp === null
      ? `no release is kept${options.due === true ? ' beyond its time' : ''}: nothing to do`
      : `${removed.join(', ') || 'nothing that runs'} of ${gaveUp} ${verb} removed; the release that serves stays`;
  return done({ ...outcome, result: context.flags.dryRun ? 'planned' : gaveUp === null ? 'unchanged' : 'confirmed' }, text);
}
