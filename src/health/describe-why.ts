import { utcText } from '../core/time.ts';
import { hanging } from '../ui/fold.ts';
import type { Paint } from '../ui/paint.ts';
import type { Evidence, Why } from './plan/why.ts';

/** For a person: the root first, what was seen of it, and its fix. */
export function describeWhy({ service, status, causes, changes }: Why, { width, paint }: { width: number; paint: Paint }): string {
  if (causes.length === 0) return `${service} works, and so does all that it needs`;
  const evidence = ({ at, source, text }: Evidence) => hanging(`    ${at ? `${utcText(at)} ` : ''}${source}: `, text, width);
  const told = causes.flatMap((cause) => [
    hanging('  ', `${cause.service} ${cause.what}${cause.since ? ` (since ${utcText(cause.since)}, at the latest)` : ''}`, width),
    ...cause.evidence.map(evidence),
    hanging('    Fix: ', cause.fix, width),
  ]);
  const changed = changes.length > 0 ? ['  changed in the half hour before:', ...changes.map(evidence)] : [];
  const verdict = status === 'fail' ? 'does not work as it should' : 'works again';
  return [`${service} ${paint(status, verdict)}:`, ...told, ...changed].join('\n');
}
