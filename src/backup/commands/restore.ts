import path from 'node:path';
import type { Context, Result } from '../../capability/capability.ts';
import { type Command, done, type Options } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { momentOf } from '../../core/time.ts';
import type { Aim } from '../plan/restore-choice.ts';
import type { Recovery } from '../plan/restore-moment.ts';
import { PARTS, type Part } from '../plan/restore-part.ts';
import { PASSPHRASE_FILE } from './kit.ts';
import { aimAtTerminal } from './restore-choice.ts';

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

/** `--to` as it was typed. @throws UserError USAGE */
function momentAsked(context: Context, value: unknown): Aim['to'] {
  if (value === undefined) return undefined;
  if (value === 'latest')
    throw new UserError(
      'USAGE',
      '--to latest: that is a set, and no moment',
      'medianest restore latest, or --to newest for all that can be reached',
    );
  return value === 'newest' ? value : momentOf('--to', String(value), context.clock.now());
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** What is about to happen, and the project's name typed as confirmation. @throws UserError CONFIRMATION_NEEDED */
async function confirm(
  context: Context,
  project: string,
  plan: { steps: string[]; expectedSeconds: number | null; recovery: Recovery | null },
): Promise<void> {
  const long = plan.expectedSeconds === null ? '' : ` (about ${plan.expectedSeconds} s)`;
  if (plan.recovery) context.report.note(sentence(plan.recovery.text));
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
  section: 'Data',
  summary: 'Bring back a set as of its end (`latest`, or its id), a moment, or everything that can be reached; in place or aside',
  example: 'medianest restore --to "10 minutes ago" --into look',
  args: '[set]',
  options: [
    ['--to <moment>', 'A moment with its time zone, "10 minutes ago", or `newest`: everything that can be reached'],
    ['--only <parts>', `Of ${PARTS.join(', ')}, separated by commas (default: all but settings)`],
    ['--into <project>', 'Into a project of its own that leads nowhere, to look at; what runs is not touched'],
    ['--sanitize', 'With --into: without personal data, as `backup.sanitize` says; uploads and sessions are left out'],
    ['--undo', 'Back to what was before the last restore in place'],
    ['--kit <file>', 'On a bare host, in an empty folder: the whole installation, from its recovery kit and its repository'],
    ['--archive <file>', 'With --kit: what `backup export` wrote, where there is no repository'],
    ['--from <copy>', 'First fetch the repository from a copy elsewhere, if the repository here is lost'],
    PASSPHRASE_FILE,
  ],
  measured: true,
  run: async (context, [set], options) => {
    if (options.kit !== undefined) return fromKit(context, String(options.kit), set, options);
    if (options.archive !== undefined)
      throw new UserError('USAGE', '--archive is for a bare host', 'medianest backup import FILE, and then medianest restore SET');
    const { open } = await import('../../project/open.ts');
    const { planRestore, restore: run } = await import('../restore/restore.ts');
    const to = momentAsked(context, options.to);
    const project = await open(context);
    const into = options.into === undefined ? undefined : String(options.into);
    const undo = options.undo === true;
    if (into !== undefined && (!/^[a-z0-9][a-z0-9_-]*$/.test(into) || into === project.loaded.settings.project))
      throw new UserError('USAGE', `--into ${into}: should be the name of another project`, 'for example --into look');
    const sanitize = options.sanitize === true;
    if (sanitize && into === undefined)
      throw new UserError(
        'USAGE',
        '--sanitize is for a project of its own: in place it would replace the data of everybody',
        'medianest restore latest --into look --sanitize',
      );
    if (undo && [set, into, options.to, options.only].some((given) => given !== undefined))
      throw new UserError(
        'USAGE',
        '--undo goes back to what was before: it takes no set, time, part or project',
        'medianest restore --undo',
      );
    const only = partsOf(options.only, into !== undefined, sanitize);
    const aim = undo ? { set, to } : await aimAtTerminal(context, project, { set, to }, options);
    if (options.from !== undefined) {
      if (undo || context.flags.dryRun)
        throw new UserError(
          'USAGE',
          '--from brings data back: neither with --undo nor with --dry-run',
          'medianest backup fetch COPY alone',
        );
      const { fetchCopy } = await import('../copies/fetch.ts');
      await fetchCopy(context, project, String(options.from));
    }
    const asked = { ...aim, only, into, sanitize, undo };
    if (context.flags.dryRun || !into) {
      const plan = await planRestore(context, project, asked);
      if (context.flags.dryRun)
        return done(
          plan,
          [...(plan.recovery ? [sentence(plan.recovery.text)] : []), ...plan.steps.map((step) => `would ${step}`)].join('\n'),
        );
      await confirm(context, project.loaded.settings.project, plan);
    }
    const outcome = await run(context, project, asked);
    return done(outcome, told(outcome, into, undo));
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
      'medianest restore --kit FILE: everything that can be reached; or with a set, latest, or --to',
    );
  if (options.archive !== undefined && options.from !== undefined)
    throw new UserError('USAGE', '--archive and --from both say where the repository comes from', 'name one of them');
  const { restoreKit } = await import('../restore/bare-host.ts');
  // A bare host has lost everything, and nothing there can be spoilt: where nothing is named, all that can be reached is wanted.
  const to = momentAsked(context, options.to) ?? (set === undefined ? 'newest' : undefined);
  const archive = options.archive === undefined ? undefined : String(options.archive);
  const { kitPassphrase } = await import('../../project/passphrase.ts');
  const secret = await kitPassphrase(context, options.passphraseFile);
  const from = options.from === undefined ? undefined : String(options.from);
  const outcome = await restoreKit(context, path.resolve(context.cwd, kit), secret, { set, to, from, archive });
  return done(outcome, told(outcome, undefined));
}

function told(
  outcome: Awaited<ReturnType<typeof import('../restore/restore.ts')['restore']>>,
  into: string | undefined,
  undo = false,
): string {
  const { backup, target, recoveredTo, rtoSeconds, checks, urls, safety, result } = outcome;
  const last = recoveredTo ? ` (the last transaction is of ${recoveredTo})` : '';
  return [
    result === 'taken-back'
      ? `the restore of ${target} was rolled back`
      : `Restored from ${backup} to ${target}${last} in ${rtoSeconds.toFixed(1)} s.`,
    ...checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`),
    ...urls.map((url) => `  ${url}`),
    ...(into ? [`Remove it: medianest preview remove ${into}`] : []),
    ...(!into && safety && !undo ? ['Back to what was before: medianest restore --undo'] : []),
  ].join('\n');
}
