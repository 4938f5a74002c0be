import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, UserError } from '../core/errors.ts';
import type { Context, Result } from './capability.ts';

/** The terminal is cleared, so that what comes stands where the last one stood. */
const CLEAR = '\u001b[H\u001b[2J\u001b[3J';

/**
 * Shows a result again and again until Ctrl-C: in the same place of a terminal, elsewhere one below the other. An engine that is away
 * for a while is a line, not the end: that is when one watches.
 */
export async function watch(context: Context, everySeconds: number, look: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const seen = await look().catch((error: unknown): Result => {
      if (!(error instanceof UserError)) throw error;
      return { data: undefined, text: `${error.message}\nFix: ${error.hint}`, status: EXIT.unhealthy };
    });
    if (context.signal.aborted) return { ...seen, text: '' };
    const clear = process.stdout.isTTY === true && context.env.TERM !== 'dumb' ? CLEAR : '';
    context.print(`${clear}${context.clock.now().toISOString()}\n${seen.text}`);
    await sleep(everySeconds * 1000, undefined, { signal: context.signal }).catch(() => undefined);
    if (context.signal.aborted) return { ...seen, text: '' };
  }
}
