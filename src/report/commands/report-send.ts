import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import { numberOf } from '../../core/flags.ts';

export const reportSend: Command = {
  name: 'report send',
  summary: 'Send the report of the last week by e-mail: to channels named, or those with `report: true` (exit 4 if one refuses)',
  example: 'medianest report send operators',
  args: '[channels...]',
  options: [['--days <count>', 'How far back it looks (default: 7)']],
  run: async (context, names, options) => {
    const days = numberOf('--days', options.days, { most: 400, should: 'a number of days up to 400', example: 7 }) ?? 7;
    const { open, requireManifest } = await import('../../project/open.ts');
    const { receiversOf, sendReport } = await import('../send.ts');
    const project = await open(context);
    requireManifest(project.state);
    const receivers = receiversOf(project, names);
    if (context.flags.dryRun) return done({ channels: receivers, result: 'planned' }, `would send the report to ${receivers.join(', ')}`);
    const channels = await sendReport(context, project, receivers, days);
    const text = channels.map(({ channel, problem }) => `${channel}: ${problem === null ? 'sent' : `not sent: ${problem}`}`);
    return done({ channels }, text.join('\n'), channels.every(({ accepted }) => accepted) ? EXIT.done : EXIT.partial);
  },
};
