import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';
import { numberOf, textOf } from '../../core/flags.ts';

export const report: Command = {
  name: 'report',
  section: 'Look',
  summary: 'One HTML page of the last days, to keep or to send: verdict, availability, incidents, backups, certificates, disks',
  example: 'medianest report --days 7 --out report.html',
  options: [
    ['--out <file>', 'Write it there, or into this folder (default: PROJECT-report-DATE.html here)'],
    ['--days <count>', 'How far back it looks (default: 30)'],
    ['--force', 'Replace a file that is no report of medianest'],
  ],
  run: async (context, _args, options) => {
    const days = numberOf('--days', options.days, { most: 400, should: 'a number of days up to 400', example: 30 }) ?? 30;
    const out = textOf(options.out);
    const { open } = await import('../../project/open.ts');
    const { reportFile, writeReport } = await import('../output.ts');
    const { reportJson, verdictText } = await import('../plan/report.ts');
    const project = await open(context);
    // For a script the data is enough; a file is written where it names one.
    const target =
      context.flags.json && out === undefined
        ? undefined
        : () => reportFile(context, project.loaded.settings.project, out, options.force === true);
    const planned = target?.();
    if (context.flags.dryRun)
      return done({ file: planned ?? null, result: 'planned' }, planned ? `would write ${planned}` : 'would write no file');
    const { collectReport } = await import('../collect.ts');
    const { shown } = await import('../../core/reporter.ts');
    const found = await shown(context.report, 'read the state of the stack', () => collectReport(context, project, days));
    // What stands there may be another file by now.
    const file = target?.();
    if (file !== undefined) {
      const { reportPage } = await import('../draw/report-page.ts');
      writeReport(file, reportPage(found));
    }
    const named = file !== undefined && !path.relative(context.cwd, file).startsWith('..') ? path.relative(context.cwd, file) : file;
    return done({ file: file ?? null, ...reportJson(found) }, `${verdictText(found.verdict)}: ${named}`);
  },
};
