import { plural } from '../core/plural.ts';
import { hanging } from '../ui/fold.ts';
import { type Paint, painter } from '../ui/paint.ts';
import type { HealthReport } from './check.ts';

export interface ChecksAsked {
  /** Also those that are ok; otherwise they are counted. */
  all: boolean;
  width: number;
  paint: Paint;
}

const EVERYTHING: ChecksAsked = { all: true, width: Number.POSITIVE_INFINITY, paint: painter(false) };

export function describeHealth({ status, checks }: HealthReport, { all, width, paint }: ChecksAsked = EVERYTHING): string {
  const shown = all ? checks : checks.filter((check) => check.status !== 'ok');
  const lines = shown.map((check) => {
    const sign = check.status.padEnd(4);
    const text = hanging(`${sign}  `, check.message, width, `${paint(check.status, sign)}  `);
    return [text, ...(check.remedy ? [hanging('      Fix: ', check.remedy, width)] : [])].join('\n');
  });
  const verdict = `overall: ${paint(status, status)}`;
  return [...lines, all ? verdict : `${verdict} (${countText(checks)})`].join('\n');
}

/** `42 checks, 1 warn; --all shows those that are ok too`. */
function countText(checks: HealthReport['checks']): string {
  const count = (status: HealthReport['status']) => checks.filter((check) => check.status === status).length;
  const bad = [
    ...(count('fail') > 0 ? [`${count('fail')} fail`] : []),
    ...(count('warn') > 0 ? [`${count('warn')} warn`] : []),
    ...(count('ok') > 0 ? [`${count('ok')} ok`] : []),
  ];
  const hidden = count('ok') > 0 ? '; --all shows every one' : '';
  return `${plural(checks.length, 'check')}: ${bad.join(', ')}${hidden}`;
}
