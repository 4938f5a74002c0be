import type { Context } from '../../capability/capability.ts';
import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import type { DoctorReport } from '../../host/plan/examine.ts';
import type { Finding } from '../../host/plan/finding.ts';

export const doctor: Command = {
  name: 'doctor',
  section: 'Machine',
  summary:
    'This machine against the profile: engine, memory, disk, ports, networks, kernel, clock, names, encryption (exit 5 if one fails)',
  example: 'medianest doctor --profile prod --fix',
  options: [
    ['--fix', 'Put right what is small and safe, asking about each'],
    ['--only <ids>', 'Only checks whose id begins so, separated by commas: --only port,memory'],
  ],
  run: async (context, _args, options) => {
    const { diagnose } = await import('../doctor.ts');
    const { describeHealth } = await import('../../capability/describe-checks.ts');
    const only = typeof options.only === 'string' ? options.only.split(',').filter(Boolean) : [];
    const look = async () => selected(await diagnose(context), only);
    let report = await look();
    let fixed: string[] = [];
    if (options.fix === true) {
      fixed = await repair(context, report);
      if (fixed.length > 0) report = await look();
    }
    const text = [...fixed.map((line) => `fixed: ${line}`), describeHealth(report)].join('\n');
    return done({ ...report, ...(options.fix === true && { fixed }) }, text, report.status === 'fail' ? EXIT.unhealthy : EXIT.done);
  },
};

function selected(report: DoctorReport, only: readonly string[]): DoctorReport {
  if (only.length === 0) return report;
  const checks = report.checks.filter(({ id }) => only.some((start) => id.startsWith(start)));
  const has = (status: Finding['status']) => checks.some((check) => check.status === status);
  return { status: has('fail') ? 'fail' : has('warn') ? 'warn' : 'ok', checks };
}

/** Asks about each repair; without a terminal, only `--yes` allows it. */
async function repair(context: Context, report: DoctorReport): Promise<string[]> {
  const { applyFix } = await import('../doctor-fix.ts');
  const { describeFix } = await import('../../host/plan/finding.ts');
  const done: string[] = [];
  for (const { message, fix } of report.checks) {
    if (!fix) continue;
    const what = describeFix(fix);
    if (context.flags.dryRun) {
      context.report.note(`would ${what}`);
      continue;
    }
    const answer = context.flags.yes ? 'y' : await context.ask(`${message}\n${what}? [y/N] `);
    if (answer === undefined) context.report.warn(`not done, because there is no terminal to ask on (add --yes): ${what}`);
    if (!/^y(es)?$/i.test(answer?.trim() ?? '')) continue;
    await applyFix(fix, context);
    done.push(what);
  }
  return done;
}
