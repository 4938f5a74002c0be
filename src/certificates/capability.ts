import type { Capability } from '../capability/capability.ts';
import { certsIssue, certsRenew, certsRevoke, certsStatus } from './commands/certs.ts';
import { certsCa, certsCsr, certsImport } from './commands/certs-import.ts';
import { certsTest } from './commands/certs-test.ts';
import { CERTIFICATE_SCHEDULE } from './plan/schedule.ts';

/** The life of certificates: issue, install, prove, renew, revoke. */
export const certificates: Capability = {
  name: 'certificates',
  commands: [certsStatus, certsRenew, certsIssue, certsImport, certsCsr, certsCa, certsRevoke, certsTest],
  groups: { certs: { section: 'Certificates', summary: 'Show, issue, renew, import and revoke certificates; the internal CA' } },
  schedules: [CERTIFICATE_SCHEDULE],
  up: {
    outside: async (context, project) => {
      const { orderOutside } = await import('./renew.ts');
      const ordered = (await orderOutside(context, project)).filter(({ action }) => action !== 'kept');
      return ordered.length > 0
        ? {
            data: { certificates: ordered.map((entry) => ({ ...entry })) },
            lines: ordered.map(({ name, action, cause }) => `certificate ${name}: ${action} (${cause})`),
          }
        : undefined;
    },
  },
  checks: async ({ context, project, containers }) => {
    const { certificateHealth } = await import('./status.ts');
    return certificateHealth(context, project, containers);
  },
  metrics: async ({ context, project }) => (await import('./metrics.ts')).metricsOfCertificates(context, project),
  notes: async ({ context, project, containers }) => {
    if (containers.length === 0) return [];
    const { certificateHealth } = await import('./status.ts');
    const checks = await certificateHealth(context, project, containers);
    return checks.filter(({ status }) => status !== 'ok').map(({ message, remedy }) => `${message}: ${remedy}`);
  },
};
