import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import { textOf } from '../../core/flags.ts';

export const auditReport: Command = {
  name: 'audit report',
  summary: 'What runs against CIS Docker, OWASP ASVS level 1 and the GDPR: what is met, what is open and its fix, each with what was seen',
  example: 'medianest audit report --html compliance.html',
  options: [
    ['--all', 'Every point, also those that are met'],
    ['--html <file>', 'Write a page there too, or into this folder'],
    ['--out <file>', 'Write the JSON there too'],
    ['--force', 'Replace a file that is no report of medianest'],
    ['--strict', 'Exit 5 if a point is open or cannot be told'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { checkedOutputs, writeOutputs } = await import('../output.ts');
    const project = await open(context);
    const asked = { html: textOf(options.html), out: textOf(options.out), force: options.force === true };
    const files = checkedOutputs(context, project, asked);
    const named = [files.html, files.out].filter((file) => file !== undefined);
    if (context.flags.dryRun)
      return done({ files: named, result: 'planned' }, named.length > 0 ? `would write ${named.join(' and ')}` : 'would write no file');
    const { collectCompliance } = await import('../collect.ts');
    const { shown } = await import('../../core/reporter.ts');
    const { complianceJson, isClosed } = await import('../plan/report.ts');
    const { describeCompliance } = await import('../describe.ts');
    const { widthOf } = await import('../../ui/fold.ts');
    const { painter } = await import('../../ui/paint.ts');
    const report = await shown(context.report, 'look at the stack and the host', () => collectCompliance(context, project));
    await writeOutputs(context, project, asked, report);
    const text = describeCompliance(report, { all: options.all === true, width: widthOf(process.stdout), paint: painter(context.color) });
    const strict = options.strict === true && !isClosed(report);
    return done({ files: named, ...complianceJson(report) }, [text, ...named].join('\n'), strict ? EXIT.unhealthy : EXIT.done);
  },
};
