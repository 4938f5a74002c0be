import { UserError } from '../../core/errors.ts';

/** A refusal because of how the stack is at this moment: nothing was begun, and the agent or `up` ends the cause. */
export class PassingRefusal extends UserError {}

const PASSING: readonly string[] = ['LOCKED', 'ENGINE_AWAY'];
/** A disk that is away comes back, too; but until then nothing can be restored from it, so it is no mere delay. */
const RETRIED: readonly string[] = ['REPOSITORY_AWAY'];

/** Whether the cause passes, and what was stored before is as good as it was. */
export const isPassing = (error: unknown): boolean =>
  error instanceof PassingRefusal || (error instanceof UserError && PASSING.includes(error.code));

const FIRST_MS = 30_000;
const LONGEST_MS = 5 * 60_000;

/**
 * When a command is tried again: soon at first, then every five minutes.
 * @param attempt how many have failed before this one @param deadline milliseconds since 1970, after which none begins
 * @returns undefined if none follows
 */
export function nextAttempt(error: unknown, attempt: number, now: Date, deadline: number): Date | undefined {
  if (!isPassing(error) && !(error instanceof UserError && RETRIED.includes(error.code))) return undefined;
  const at = now.getTime() + Math.min(FIRST_MS * 2 ** Math.min(attempt, 10), LONGEST_MS);
  return at <= deadline ? new Date(at) : undefined;
}
