import type { Reporter } from '../core/reporter.ts';
import { painter } from './paint.ts';

/** One line for each event, for logs, pipes and terminals without colours. */
export function plainReporter(write: (text: string) => void, options: { verbose: boolean; now: () => number; color: boolean }): Reporter {
  const paint = painter(options.color);
  return {
    task: (title) => {
      const started = options.now();
      const elapsed = () => `${((options.now() - started) / 1000).toFixed(1)} s`;
      write(`${title} ...\n`);
      return {
        detail: (text) => options.verbose && write(`  ${text}\n`),
        done: (note) => write(`${title}: done in ${elapsed()}${note ? `, ${note}` : ''}\n`),
        failed: () => write(`${title}: ${paint('fail', 'failed')} after ${elapsed()}\n`),
      };
    },
    note: (text) => write(`${text}\n`),
    warn: (text) => write(`${paint('warn', 'Warning:')} ${text}\n`),
    verbose: (text) => options.verbose && write(`${text}\n`),
  };
}
