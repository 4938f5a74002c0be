import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, UserError } from '../core/errors.ts';
import { head } from '../ui/fold.ts';
import { visible } from '../ui/visible.ts';
import type { Context, Result } from './capability.ts';

/** A terminal's second screen, as editors use it: what stood on the first one is there again at the end. */
const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';
const CLEAR = '\u001b[H\u001b[2J';

/**
 * Shows a result again and again until Ctrl-C: in the same place of a terminal, elsewhere one below the other. An engine that is away
 * for a while is a line, not the end: that is when one watches. It ends as what was shown last would have.
 */
export async function watch(context: Context, everySeconds: number, look: () => Promise<Result>): Promise<Result> {
  const terminal = process.stdout.isTTY === true && context.env.TERM !== 'dumb';
  let last: Result = { data: undefined, text: '', status: EXIT.interrupted };
  const leave = () => context.print(LEAVE);
  if (terminal) {
    // A second Ctrl-C ends the program where it stands.
    process.once('exit', leave);
    context.print(ENTER);
  }
  try {
    while (!context.signal.aborted) {
      const seen = await look().catch((error: unknown): Result => {
        if (!(error instanceof UserError)) throw error;
        return { data: undefined, text: `${error.message}\nFix: ${error.hint}`, status: EXIT.unhealthy };
      });
      if (context.signal.aborted) break;
      last = { ...seen, text: `${context.clock.now().toISOString()}\n${visible(seen.text)}` };
      context.print(terminal ? `${CLEAR}${head(last.text, (process.stdout.rows || 24) - 1)}` : last.text);
      await sleep(everySeconds * 1000, undefined, { signal: context.signal }).catch(() => undefined);
    }
  } finally {
    if (terminal) {
      process.off('exit', leave);
      leave();
    }
  }
  return terminal ? last : { ...last, text: '' };
}
