import type { Capability } from '../capability/capability.ts';
import { auditReport } from './commands/audit-report.ts';

/** What runs against CIS Docker, OWASP ASVS and the GDPR, with evidence. */
export const compliance: Capability = { name: 'compliance', commands: [auditReport] };
