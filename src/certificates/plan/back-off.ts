/** What is remembered of attempts that failed, so that the limits of a CA are never used up. */
export interface Attempts {
  failures: number;
  lastError: string;
  lastTry: string;
  nextTry: string;
}

const HOUR = 3600 * 1000;

/** After 1, 2, 4, ... hours, a day at most; as late as the CA says where it says so. */
export function afterFailure(before: Attempts | undefined, error: string, now: Date): Attempts {
  const failures = (before?.failures ?? 0) + 1;
  const told = retryAfter(error, now);
  const wait = Math.min(24, 2 ** (failures - 1)) * HOUR;
  const next = Math.max(now.getTime() + wait, told?.getTime() ?? 0);
  return { failures, lastError: error, lastTry: now.toISOString(), nextTry: new Date(next).toISOString() };
}

/** Until when a CA asks to be left alone: `retry after 2026-01-02 03:04:05 UTC`, `Retry-After: 3600`. */
export function retryAfter(text: string, now: Date): Date | undefined {
  const date = /retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?: UTC|Z)?/i.exec(text);
  if (date) return new Date(`${date[1]}T${date[2]}Z`);
  const seconds = /retry[- ]after:? "?(\d{1,7})\b/i.exec(text);
  if (seconds) return new Date(now.getTime() + Number(seconds[1]) * 1000);
  return /rateLimited/.test(text) ? new Date(now.getTime() + 24 * HOUR) : undefined;
}

export const mayTry = (attempts: Pick<Attempts, 'nextTry'> | undefined, now: Date): boolean =>
  !attempts || now >= new Date(attempts.nextTry);
