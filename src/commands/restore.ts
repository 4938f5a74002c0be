import { EXIT, UserError } from '../errors.ts';
import { type Command, done } from './command.ts';

const PARTS = ['db', 'files', 'redis', 'settings'] as const;
/** Settings are looked at and put back by hand: they are what the restore itself goes by. */
const IN_PLACE = ['db', 'files', 'redis'] as const;

function partsOf(value: unknown): (typeof PARTS)[number][] {
  if (value === undefined) return [...IN_PLACE];
  const given = String(value).split(',');
  const unknown = given.find((part) => !(IN_PLACE as readonly string[]).includes(part));
  if (unknown !== undefined)
    throw new UserError('USAGE', `--only ${unknown}: should be of ${IN_PLACE.join(', ')}`, 'for example --only db,files');
  return given as (typeof PARTS)[number][];
}

export const restore: Command = {
  name: 'restore',
  summary: 'Bring back a backup, or any moment since, in place or into a project of its own',
  example: 'medianest restore --to "10 minutes ago" --into look',
  args: '[set]',
  options: [
    ['--to <time>', 'A moment with its time zone, or "10 minutes ago"; the newest where nothing is given'],
    ['--only <parts>', `Of ${IN_PLACE.join(', ')}, separated by commas (default: all)`],
    ['--into <project>', 'Into a project of its own that leads nowhere, to look at; what runs is not touched'],
    ['--undo', 'Back to what was before the last restore in place'],
  ],
  run: async (context, [set], options) => {
    const { open } = await import('../engine/open.ts');
    const { restore: run } = await import('../engine/restore.ts');
    const { parseTime } = await import('../plan/restore-target.ts');
    const opened = await open(context);
    const { project } = opened.loaded.settings;
    const into = options.into === undefined ? undefined : String(options.into);
    if (into !== undefined && (!/^[a-z0-9][a-z0-9_-]*$/.test(into) || into === project))
      throw new UserError('USAGE', `--into ${into}: should be the name of another project`, 'for example --into look');
    const to = options.to === undefined ? undefined : parseTime(String(options.to), context.clock.now());
    const only = partsOf(options.only);
    if (into === undefined && !context.flags.dryRun) {
      const typed = context.flags.yes ? project : await context.ask(`This replaces the data of ${project}. Type its name to go on: `);
      if (typed !== project)
        throw new UserError(
          'CONFIRMATION_NEEDED',
          `replacing the data of ${project} was not confirmed; nothing was changed`,
          'type its name, or pass --yes; --into NAME looks at the data first',
        );
    }
    const outcome = await run(context, opened, { set, to, only, into, undo: options.undo === true });
    if (outcome.result === 'planned') return done(outcome, `would restore ${outcome.target}, beginning with ${outcome.backup}`);
    const lines = [
      `${outcome.backup} was restored to ${outcome.target}${outcome.recoveredTo ? ` (the last transaction is of ${outcome.recoveredTo})` : ''} in ${outcome.rtoSeconds.toFixed(1)} s.`,
      ...outcome.checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`),
      ...outcome.urls.map((url) => `  ${url}`),
      ...(into ? [`Remove it: medianest preview remove ${into}`] : ['Back to what was before: medianest restore --undo']),
    ];
    return done(outcome, lines.join('\n'));
  },
};

export const previewRemove: Command = {
  name: 'preview remove',
  summary: 'Remove a project that `restore --into` has made, with its data',
  example: 'medianest preview remove look',
  args: '<project>',
  run: async (context, [name = '']) => {
    const { open } = await import('../engine/open.ts');
    const { backupRoom } = await import('../engine/backup-room.ts');
    const { removePreview } = await import('../engine/preview.ts');
    const removed = await removePreview(await backupRoom(context, await open(context)), name);
    if (removed === 0)
      throw new UserError('USAGE', `${name} is no preview; nothing was changed`, 'medianest restore --into NAME makes one');
    return done({ project: name, removed }, `${name} is gone`);
  },
};

export const drill: Command = {
  name: 'drill',
  summary: 'Restore the newest backup into an isolated project, check it, measure RPO and RTO, remove it',
  example: 'medianest drill',
  run: async (context) => {
    const { open } = await import('../engine/open.ts');
    const { drill: run } = await import('../engine/drill.ts');
    if (context.flags.dryRun)
      return done({ result: 'planned' }, 'would restore the newest backup into a project of its own, and remove it');
    const outcome = await run(context, await open(context));
    const good = outcome.checks.every(({ status }) => status !== 'fail');
    const lines = [
      `${outcome.backup}: back after ${outcome.rtoSeconds.toFixed(1)} s; at most ${(outcome.rpoSeconds ?? 0).toFixed(1)} s would be lost.`,
      ...outcome.checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`),
    ];
    return done(outcome, lines.join('\n'), good ? EXIT.done : EXIT.unhealthy);
  },
};
