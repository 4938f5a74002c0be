import { type Command, done } from '../../capability/capability.ts';
import { numberOf } from '../../core/flags.ts';
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
