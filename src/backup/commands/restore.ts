import path from 'node:path';
import type { Context, Result } from '../../capability/capability.ts';
import { type Command, done, type Options } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { PARTS, type Part } from '../plan/restore-part.ts';
import { PASSPHRASE_FILE, passphrase } from './kit.ts';

/** Settings are what a restore itself goes by: they come back where they are named. */
const DATA: readonly Part[] = ['db', 'files', 'redis'];
/** What a preview shows. */
const SHOWN: readonly Part[] = ['db', 'files'];

/** What can be sanitized: files cannot, because their contents are unknown. */
const SANITIZED: readonly Part[] = ['db'];

function partsOf(value: unknown, into: boolean, sanitize: boolean): Part[] {
  const shown = sanitize ? SANITIZED : SHOWN;
  const possible = into ? shown : PARTS;
  if (value === undefined) return [...(into ? shown : DATA)];
  const given = String(value).split(',');
  const unknown = given.find((part) => !(possible as readonly string[]).includes(part));
  if (unknown !== undefined)
    throw new UserError('USAGE', `--only ${unknown}: should be of ${possible.join(', ')}`, 'for example --only db,files');
  return possible.filter((part) => given.includes(part));
}

/** What is about to happen, and the project's name typed as confirmation. @throws UserError CONFIRMATION_NEEDED */
async function confirm(context: Context, project: string, plan: { steps: string[]; expectedSeconds: number | null }): Promise<void> {
  const long = plan.expectedSeconds === null ? '' : ` (about ${plan.expectedSeconds} s)`;
  for (const line of [`What will happen${long}:`, ...plan.steps.map((step, index) => `  ${index + 1}. ${step}`)]) context.report.note(line);
  const typed = context.flags.yes ? project : await context.ask(`This replaces data of ${project}. Type its name to continue: `);
  if (typed === project) return;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    `replacing the data of ${project} was not confirmed; nothing was changed`,
    'type its name, or pass --yes; --into NAME looks at the data first',
  );
}

export const restore: Command = {
  name: 'restore',
  summary: 'Bring back a backup, or any moment since, in place or into a project of its own',
  example: 'medianest restore --to "10 minutes ago" --into look',
  args: '[backup]',
  options: [
    ['--to <time>', 'A moment with its time zone, or "10 minutes ago"; the newest where nothing is given'],
    ['--only <parts>', `Of ${PARTS.join(', ')}, separated by commas (default: all but settings)`],
    ['--into <project>', 'Into a project of its own that leads nowhere, to look at; what runs is not touched'],
    ['--sanitize', 'With --into: without personal data, as `backup.sanitize` says; uploads and sessions are left out'],
    ['--undo', 'Back to what was before the last restore in place'],
    ['--kit <file>', 'On a bare host, in an empty folder: the whole installation, from its recovery kit and its repository'],
    ['--archive <file>', 'With --kit: what `backup export` wrote, where there is no repository'],
    ['--from <copy>', 'First fetch the repository from a copy elsewhere, if the repository here is lost'],
    PASSPHRASE_FILE,
  ],
  run: async (context, [set], options) => {
    if (options.kit !== undefined) return fromKit(context, String(options.kit), set, options);
    if (options.archive !== undefined)
      throw new UserError('USAGE', '--archive is for a bare host', 'medianest backup import FILE, and then medianest restore');
    const { open } = await import('../../project/open.ts');
    const { planRestore, restore: run } = await import('../restore/restore.ts');
    const { parseTime } = await import('../plan/restore-target.ts');
    const opened = await open(context);
    const { project } = opened.loaded.settings;
    const into = options.into === undefined ? undefined : String(options.into);
    const undo = options.undo === true;
    if (into !== undefined && (!/^[a-z0-9][a-z0-9_-]*$/.test(into) || into === project))
      throw new UserError('USAGE', `--into ${into}: should be the name of another project`, 'for example --into look');
    const sanitize = options.sanitize === true;
    if (sanitize && into === undefined)
      throw new UserError(
        'USAGE',
        '--sanitize is for a project of its own: in place it would replace the data of everybody',
        'medianest restore --into look --sanitize',
      );
    if (undo && [set, into, options.to, options.only].some((given) => given !== undefined))
      throw new UserError(
        'USAGE',
        '--undo goes back to what was before: it takes no set, time, part or project',
        'medianest restore --undo',
      );
    const to = options.to === undefined ? undefined : parseTime(String(options.to), context.clock.now());
    if (options.from !== undefined) {
      if (undo || context.flags.dryRun)
        throw new UserError(
          'USAGE',
          '--from brings data back: neither with --undo nor with --dry-run',
          'medianest backup fetch COPY alone',
        );
      const { fetchCopy } = await import('../copies/fetch.ts');
      await fetchCopy(context, opened, String(options.from));
    }
    const asked = { set, to, only: partsOf(options.only, into !== undefined, sanitize), into, sanitize, undo };
    if (context.flags.dryRun || !into) {
      const plan = await planRestore(context, opened, asked);
      if (context.flags.dryRun) return done(plan, plan.steps.map((step) => `would ${step}`).join('\n'));
      await confirm(context, project, plan);
    }
    const outcome = await run(context, opened, asked);
    return done(outcome, told(outcome, into));
  },
};

/** Nothing is replaced there, so no confirmation is needed. */
async function fromKit(context: Context, kit: string, set: string | undefined, options: Options): Promise<Result> {
  if (
    context.flags.dryRun ||
    [options.into, options.sanitize, options.undo, options.only].some((given) => given !== undefined && given !== false)
  )
    throw new UserError(
      'USAGE',
      '--kit restores all of it, at once',
      'medianest restore --kit FILE, with a set or --to where the newest is not meant',
    );
  if (options.archive !== undefined && options.from !== undefined)
    throw new UserError('USAGE', '--archive and --from both say where the repository comes from', 'name one of them');
  const { restoreKit } = await import('../restore/bare-host.ts');
  const { parseTime } = await import('../plan/restore-target.ts');
  const to = options.to === undefined ? undefined : parseTime(String(options.to), context.clock.now());
  const archive = options.archive === undefined ? undefined : String(options.archive);
  const secret = await passphrase(context, options.passphraseFile);
  const from = options.from === undefined ? undefined : String(options.from);
  const outcome = await restoreKit(context, path.resolve(context.cwd, kit), secret, { set, to, from, archive });
  return done(outcome, told(outcome, undefined));
}

function told(outcome: Awaited<ReturnType<typeof import('../restore/restore.ts')['restore']>>, into: string | undefined): string {
  const { backup, target, recoveredTo, rtoSeconds, checks, urls, safety, result } = outcome;
  const last = recoveredTo ? ` (the last transaction is of ${recoveredTo})` : '';
  return [
    result === 'taken-back'
      ? `the restore of ${target} was rolled back`
      : `${backup} was restored to ${target}${last} in ${rtoSeconds.toFixed(1)} s.`,
    ...checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`),
    ...urls.map((url) => `  ${url}`),
    ...(into ? [`Remove it: medianest preview remove ${into}`] : []),
    ...(!into && safety ? ['Back to what was before: medianest restore --undo'] : []),
  ].join('\n');
}

export const previewRemove: Command = {
  name: 'preview remove',
  summary: 'Remove a project that `restore --into` has made, with its data',
  example: 'medianest preview remove look',
  args: '<project>',
  run: async (context, [name = '']) => {
    const { open } = await import('../../project/open.ts');
    const { backupContext } = await import('../repository/repository.ts');
    const { removePreview } = await import('../restore/preview.ts');
    const removed = await removePreview(await backupContext(context, await open(context)), name);
    if (removed === 0)
      throw new UserError('USAGE', `${name} is no preview; nothing was changed`, 'medianest restore --into NAME makes one');
    return done({ project: name, removed }, `${name} is removed`);
  },
};

export const drill: Command = {
  name: 'drill',
  summary: 'Restore the newest backup into an isolated project, check it, measure RPO and RTO, remove it',
  example: 'medianest drill',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { alarmed } = await import('../alert.ts');
    const { drill: run } = await import('../restore/drill.ts');
    if (context.flags.dryRun)
      return done({ result: 'planned' }, 'would restore the newest backup into a project of its own, and remove it');
    const opened = await open(context);
    const outcome = await alarmed(
      context,
      opened,
      'drill',
      () => run(context, opened),
      ({ checks }) => checks.find(({ status }) => status === 'fail')?.message,
    );
    const good = outcome.checks.every(({ status }) => status !== 'fail');
    const lines = [
      `${outcome.backup}: back after ${outcome.rtoSeconds.toFixed(1)} s; at most ${(outcome.rpoSeconds ?? 0).toFixed(1)} s would be lost.`,
      ...outcome.checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`),
    ];
    return done(outcome, lines.join('\n'), good ? EXIT.done : EXIT.unhealthy);
  },
};
