import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { verifyAudit } from '../state/audit.ts';
import { auditCheck, unreadAuditCheck } from './plan/audit.ts';

/** Whether the audit log is what was written. One that this user may not read does not tell. @param file `audit.jsonl` */
export function auditChecks(file: string): Check[] {
  try {
    return [auditCheck(verifyAudit(file))];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [unreadAuditCheck(error.message, error.hint)];
  }
}
