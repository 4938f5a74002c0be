import { UserError } from '../../core/errors.ts';

/** The engine may hang. */
export const ANSWER_MS = 30_000;

/** What the engine answers. @throws UserError NOT_RUNNING where it takes too long; the work goes on */
export async function inTime<T>(work: Promise<T>, milliseconds = ANSWER_MS): Promise<T> {
  const late = new AbortController();
  const { setTimeout: sleep } = await import('node:timers/promises');
  const timer = sleep(milliseconds, undefined, { signal: late.signal }).then(() => {
    throw new UserError('NOT_RUNNING', `the engine does not answer within ${milliseconds / 1000} s`, 'see whether it runs');
  });
  timer.catch(() => undefined);
  try {
    return await Promise.race([work, timer]);
  } finally {
    late.abort();
  }
}
