import type { Capability } from '../capability/capability.ts';
import type { HealthReport } from '../capability/check.ts';
import { audit, auditAccept, auditVerify } from './commands/audit.ts';
import { health as command } from './commands/health.ts';
import { status } from './commands/status.ts';
import { why } from './commands/why.ts';

/** What runs and how well: it asks every capability, and knows none. */
export const health: Capability = {
  name: 'health',
  commands: [status, command, why, audit, auditVerify, auditAccept],
  checks: async (seen) => {
    const [{ roomChecks }, { externalChecks }, { driftChecks }, { egressChecks }, { auditChecks }, { integrityChecks }] = await Promise.all(
      [
        import('./disk-room.ts'),
        import('./external.ts'),
        import('./drift.ts'),
        import('./no-way-out.ts'),
        import('./audit-chain.ts'),
        import('./integrity.ts'),
      ],
    );
    const found = await Promise.all([roomChecks(seen), externalChecks(seen), driftChecks(seen), egressChecks(seen)]);
    const { state } = seen.project;
    return [...found.flat(), ...auditChecks(state.at('audit.jsonl')), ...integrityChecks(state)];
  },
  // Its own verdict: every other command leaves the last one.
  metrics: async ({ command: name, result, context }) => {
    if (name !== command.name || !result) return undefined;
    const { healthMetrics } = await import('./plan/health-metrics.ts');
    return healthMetrics(result.data as HealthReport, context.clock.now());
  },
};
