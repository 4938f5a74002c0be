import { Chalk } from 'chalk';
import ora, { type Ora } from 'ora';
import type { Reporter } from '../core/reporter.ts';
import { cut, fold, hanging } from './fold.ts';

/** A spinner line for each piece of work, with what it waits for and how long it has taken. */
export function ttyReporter(stream: NodeJS.WriteStream, options: { color: boolean; verbose: boolean; now: () => number }): Reporter {
  const chalk = new Chalk({ level: options.color ? 1 : 0 });
  const line = (text: string) => stream.write(`${text}\n`);
  const columns = () => stream.columns || 80;
  let spinning: Ora | undefined;
  return {
    task: (title) => {
      const started = options.now();
      let waiting = '';
      const elapsed = () => `${((options.now() - started) / 1000).toFixed(1)} s`;
      // One line while it runs: a terminal would break a longer one anywhere, and the spinner would be drawn over it.
      const short = () => cut(title, Math.max(20, columns() - (waiting ? 40 : 14)));
      const left = () => Math.max(12, columns() - short().length - 14);
      const text = () => `${short()} ${chalk.dim(`${elapsed()}${waiting ? ` · ${cut(waiting, left())}` : ''}`)}`;
      const whole = (end: string) => {
        const [head = '', ...rest] = fold(`${title} ${end}`, columns() - 2, 2).split('\n');
        const lines = [head, ...rest];
        const last = lines.pop() ?? '';
        const colored = last.endsWith(end) ? last.slice(0, -end.length) + chalk.dim(end) : last;
        return [...lines, colored].join('\n');
      };
      const spinner = ora({ text: text(), stream, color: options.color ? 'cyan' : false, discardStdin: false } as Parameters<
        typeof ora
      >[0]).start();
      spinning = spinner;
      const timer = setInterval(() => {
        spinner.text = text();
      }, 200);
      const end = (finish: () => void) => {
        clearInterval(timer);
        if (spinning === spinner) spinning = undefined;
        finish();
      };
      return {
        detail: (now) => {
          waiting = now;
          if (options.verbose) {
            spinner.clear();
            line(chalk.dim(`  ${now}`));
          }
        },
        done: (note) => end(() => spinner.succeed(whole(elapsed() + (note ? `, ${note}` : '')))),
        failed: () => end(() => spinner.fail(whole(elapsed()))),
      };
    },
    note: (text) => line(fold(text, columns(), 2)),
    warn: (text) => line(hanging('Warning: ', text, columns(), `${chalk.yellow('Warning:')} `)),
    verbose: (text) => {
      if (!options.verbose) return;
      // Otherwise it would stand behind the spinner's own words.
      spinning?.clear();
      line(chalk.dim(text));
    },
  };
}
