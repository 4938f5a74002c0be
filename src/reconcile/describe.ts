import type { Step, StepHandlers } from '../capability/capability.ts';
import { plural } from '../core/plural.ts';
import { describeStep } from '../project/execute.ts';
import { table } from '../ui/table.ts';
import type { UpOutcome } from './converge.ts';
import type { Change, FileChange } from './plan/change.ts';
import { leftBehindText } from './plan/left-data.ts';

export function describePlan(
  { changes, files, leftBehind }: { changes: readonly Change[]; files: readonly FileChange[]; leftBehind: readonly string[] },
  steps: readonly Step[],
  kinds: StepHandlers,
): string {
  const left = leftBehindText(leftBehind);
  const rows = changes.map((change) => [change.service, change.action, change.downtime, change.dataRisk, change.cause]);
  const kept = changes.filter((change) => change.action === 'keep').length;
  const preparing = steps.filter((step) => step.kind !== 'compose-up' && step.kind !== 'mark-applied');
  return [
    table([['SERVICE', 'ACTION', 'DOWNTIME', 'DATA AT RISK', 'CAUSE'], ...rows]),
    ...(preparing.length > 0 ? ['', ...preparing.map((step) => `- ${describeStep(kinds, step)}`)] : []),
    ...(left ? ['', left] : []),
    '',
    steps.length === 0
      ? 'Nothing to do.'
      : `${plural(changes.length - kept, 'service')} to change, ${kept} unchanged, ${plural(files.length, 'file')} to write.`,
  ].join('\n');
}

export function describeUp(outcome: UpOutcome, kinds: StepHandlers): string {
  if (outcome.result === 'planned') return describePlan(outcome, outcome.steps ?? [], kinds);
  const first =
    outcome.result === 'unchanged'
      ? `Nothing to do: ${outcome.project} (${outcome.profile}) runs as planned.`
      : `${outcome.project} (${outcome.profile}) is up after ${outcome.seconds.toFixed(1)} s.`;
  return [
    first,
    ...outcome.urls.map((url) => `  ${url}`),
    ...(outcome.trust ? [`Browsers trust it once this CA is imported: ${outcome.trust}`] : []),
  ].join('\n');
}
