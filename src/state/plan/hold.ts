/** A pause file that was not touched for so long belongs to a command that was killed. */
const HOLD_MS = 60_000;

/** Whether a pause file that was touched then still pauses healing; one from the future is of a clock that was put back. @param touched milliseconds since 1970; undefined where there is no file */
export const holds = (touched: number | undefined, now: number): boolean => touched !== undefined && Math.abs(now - touched) < HOLD_MS;
