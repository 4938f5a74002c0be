import { type Command, type Context, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { utcText } from '../../core/time.ts';

const openProject = async (context: Context) => {
  const { open, requireManifest } = await import('../../project/open.ts');
  const project = await open(context);
  requireManifest(project.state);
  return project;
};

export const silence: Command = {
  name: 'silence',
  section: 'Change',
  summary: 'Hold alerts back for a while: one by its name, all of a cause, or all of a service',
  example: 'medianest silence database --for 2h --why "the disk is replaced"',
  args: '<what>',
  options: [
    ['--for <duration>', 'For how long: 30m, 2h, 1d (default: 2h)'],
    ['--why <text>', 'What others should know about it'],
  ],
  run: async (context, [name = ''], options) => {
    const { silenceUntil, whyOf } = await import('../plan/silence.ts');
    const until = silenceUntil('--for', String(options.for ?? '2h'), context.clock.now());
    const why = whyOf(options.why);
    const silences = await import('../silences.ts');
    const made = await silences.silence(context, await openProject(context), name, until, why);
    const text = `${name} ${context.flags.dryRun ? 'would be' : 'is'} silenced until ${utcText(until)}`;
    return done(made, made.id === null ? text : `${text}; to end that: medianest silence remove ${name}`);
  },
};

export const silenceList: Command = {
  name: 'silence list',
  summary: 'What is silenced, until when, why and by whom',
  example: 'medianest silence list',
  run: async (context) => {
    const { listSilences } = await import('../silences.ts');
    const { silenceRows } = await import('../plan/describe.ts');
    const { table } = await import('../../ui/table.ts');
    const silences = await listSilences(context, await openProject(context));
    return done({ silences }, silences.length === 0 ? 'nothing is silenced' : table(silenceRows(silences)));
  },
};

export const silenceRemove: Command = {
  name: 'silence remove',
  summary: 'End a silence, by what is silenced or by its id: what still fires is told',
  example: 'medianest silence remove database',
  args: '<what>',
  run: async (context, [wanted = '']) => {
    if (wanted === '') throw new UserError('USAGE', 'name what is silenced, or an id', 'medianest silence list');
    const { endSilences } = await import('../silences.ts');
    const ended = await endSilences(context, await openProject(context), wanted);
    const names = ended.map(({ value }) => value).join(', ');
    return done({ removed: ended }, `${names} ${context.flags.dryRun ? 'would be' : 'is'} told again`);
  },
};
