import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';
import type { AuditVerdict } from '../../state/plan/audit-chain.ts';

export function describeVerdict({ valid, entries, before, torn, head, problems }: AuditVerdict): string {
  if (entries === 0 && valid) return 'nothing to verify yet: the next change begins the chain';
  const lines = problems.map(({ line, what }) => `line ${line}: ${what}`);
  const rest = [
    ...(before > 0 ? [`${plural(before, 'line')} before the chain, sealed by its first line`] : []),
    ...(torn.length > 0 ? [`no entries, such as those that a crash cut short: line ${torn.join(', ')}`] : []),
    ...(head ? [`end: ${head}`] : []),
  ];
  return [valid ? `${plural(entries, 'line')}, all as they were written` : 'the audit log is not what was written', ...lines, ...rest].join(
    '\n',
  );
}

export const auditCheck = ({ valid, problems, entries }: AuditVerdict): Check =>
  valid
    ? { id: 'audit', status: 'ok', message: `the audit log is as it was written (${plural(entries, 'line')})`, value: entries }
    : {
        id: 'audit',
        status: 'fail',
        message: `the audit log is not what was written: line ${problems[0]?.line}: ${problems[0]?.what}`,
        remedy:
          'find out who did that: `medianest audit verify` lists every line that does not fit; once you know, `medianest audit accept --reason WHY` begins another log and keeps this one',
        value: problems.length,
      };

/** The log cannot be read: what is in it is not known. */
export const unreadAuditCheck = (problem: string, remedy?: string): Check => ({
  id: 'audit',
  status: 'warn',
  message: `whether the audit log is as it was written cannot be told: ${problem}`,
  ...(remedy && { remedy }),
});
