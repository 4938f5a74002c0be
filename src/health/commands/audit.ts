import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { numberOf, textOf } from '../../core/flags.ts';
import type { AuditEntry } from '../../state/audit.ts';

/** What was done, and why where no person decided it. */
const saidOf = ({ command, reason }: AuditEntry): string => (reason ? `${command} (${reason})` : command);

export const audit: Command = {
  name: 'audit',
  section: 'Look',
  summary: 'Who changed what, when, and how it ended',
  example: 'medianest audit --last 20',
  options: [['--last <count>', 'Only the newest entries']],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { readAudit } = await import('../../state/audit.ts');
    const { table } = await import('../../ui/table.ts');
    const { state } = await open(context);
    const all = readAudit(state.at('audit.jsonl'));
    const last = numberOf('--last', options.last, { should: 'a number of entries', example: 20 });
    const entries = last === undefined ? all : all.slice(-last);
    const rows = entries.map((entry) => [entry.time, entry.user, saidOf(entry), entry.result, `${entry.seconds.toFixed(1)} s`]);
    return done({ entries }, rows.length > 0 ? table([['TIME', 'USER', 'COMMAND', 'RESULT', 'TOOK'], ...rows]) : 'nothing was changed yet');
  },
};

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Whether the log is what was written: no line changed, put in or removed (exit 5 if one was)',
  example: 'medianest audit verify',
  options: [['--head <sha256>', 'Also that this was its end once: one that an earlier run printed, and that you kept elsewhere']],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { verifyAudit } = await import('../../state/audit.ts');
    const { describeVerdict } = await import('../plan/audit.ts');
    const head = textOf(options.head);
    if (head !== undefined && !/^[0-9a-f]{64}$/.test(head))
      throw new UserError('USAGE', `--head ${head}: should be 64 hexadecimal digits`, '`medianest audit verify` prints it');
    const { state } = await open(context);
    const verdict = verifyAudit(state.at('audit.jsonl'), head);
    return done(verdict, describeVerdict(verdict), verdict.valid ? EXIT.done : EXIT.unhealthy);
  },
};

export const auditAccept: Command = {
  name: 'audit accept',
  summary: 'Begin another log where the audit log is not what was written; the old one is kept, and your reason is the first line',
  example: "medianest audit accept --reason 'host restored from an image'",
  options: [['--reason <text>', 'Why it is not what was written, as far as you know']],
  run: async (context, _args, options) => {
    const reason = textOf(options.reason)?.trim();
    if (!reason) throw new UserError('USAGE', '--reason is missing', "medianest audit accept --reason 'WHY'");
    const { open } = await import('../../project/open.ts');
    const { acceptAudit, verifyAudit } = await import('../../state/audit.ts');
    const { describeVerdict } = await import('../plan/audit.ts');
    const { currentUser } = await import('../../core/user.ts');
    const { state } = await open(context);
    const file = state.at('audit.jsonl');
    const verdict = verifyAudit(file);
    if (verdict.valid) return done({ accepted: false, kept: null, verdict }, 'the audit log is as it was written: nothing to accept');
    if (context.flags.dryRun)
      return done({ accepted: false, kept: null, verdict }, `${describeVerdict(verdict)}\nwould keep it, and begin another log`);
    const answer = context.flags.yes
      ? 'y'
      : await context.ask(`${describeVerdict(verdict)}\nKeep it as it is, and begin another log? [y/N] `);
    if (!/^y(es)?$/i.test(answer?.trim() ?? ''))
      throw new UserError('CONFIRMATION_NEEDED', 'nothing was changed', 'answer y, or pass --yes');
    const entry = { time: context.clock.now().toISOString(), user: currentUser(), command: 'medianest audit accept', reason };
    const kept = acceptAudit(file, entry) ?? null;
    return done(
      { accepted: kept !== null, kept, verdict },
      kept === null ? 'the audit log is as it was written: nothing to accept' : `another log has begun; the old one is ${kept}`,
    );
  },
};
