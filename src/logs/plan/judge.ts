import type { Check } from '../../capability/check.ts';
import { bytes } from '../../host/plan/finding.ts';

/** How the agent says that its shipping stands (src/agent/logs/log-tally.ts). */
export interface LogStatus {
  at: string;
  up: boolean;
  problem?: string;
  dropped: { buffer: number; refused: number };
  unread: Record<string, string>;
  bytes: number;
  /** An agent before 0.5 does not say. */
  keptBefore?: number;
  lagSeconds: number;
}

/** @param text of the agent's file; undefined where it is none yet, or is just being written */
export function statusOf(text: string): LogStatus | undefined {
  try {
    const found = JSON.parse(text) as Partial<LogStatus>;
    return typeof found.at === 'string' && typeof found.up === 'boolean' && found.dropped !== undefined && found.unread !== undefined
      ? (found as LogStatus)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The agent writes it every two seconds. */
const STALE_MS = 30_000;
/** A store that is restarted is away for less. */
const LATE_SECONDS = 120;

/** @param store as in `logs.store` @param now milliseconds since 1970 */
export function judgeLogs(status: LogStatus | undefined, store: string, now: number): Check[] {
  const id = 'logs';
  const look = 'medianest logs agent --since 10m';
  if (!status || now - Date.parse(status.at) > STALE_MS)
    return [{ id, status: 'warn', message: 'the agent does not say how its keeping of logs stands', remedy: look }];
  const { up, problem, lagSeconds, dropped } = status;
  const lost = dropped.buffer + dropped.refused;
  const lag = Math.round(lagSeconds);
  const checks: Check[] = [];
  if (!up) checks.push({ id, status: 'warn', message: `logs are not stored (${store}): ${problem ?? 'no reason given'}`, remedy: look });
  else if (lag > LATE_SECONDS)
    checks.push({ id, status: 'warn', message: `the oldest line that is not stored has waited for ${lag} s`, remedy: look, value: lag });
  else checks.push({ id, status: 'ok', message: `logs are stored (${store})`, value: lag });
  for (const [service, why] of Object.entries(status.unread))
    checks.push({ id: `logs.${service}`, status: 'warn', message: `the lines of ${service} are not taken: ${why}`, remedy: look });
  if (lost > 0)
    checks.push({
      id: 'logs.dropped',
      status: 'warn',
      message: `${lost} lines were lost since the agent was started: ${dropped.buffer} for a full buffer, ${dropped.refused} that the store refused`,
      remedy: dropped.buffer > 0 ? 'raise logs.buffer, or see why the store is away' : look,
      value: lost,
    });
  if (status.keptBefore)
    checks.push({
      id: 'logs.before',
      status: 'ok',
      message: `${bytes(status.keptBefore)} of lines were kept as files before, and are not in ${store}: with \`logs: { store: files }\` they can be read again`,
      value: status.keptBefore,
    });
  return checks;
}
