import { Chalk } from 'chalk';
import ora, { type Ora } from 'ora';
import type { Reporter } from '../core/reporter.ts';
import { fold, hanging } from './fold.ts';

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
      const width = () => Math.max(20, columns() - title.length - 14);
      const text = () => `${title} ${chalk.dim(`${elapsed()}${waiting ? ` · ${waiting.slice(0, width())}` : ''}`)}`;
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
        done: (note) => end(() => spinner.succeed(`${title} ${chalk.dim(elapsed() + (note ? `, ${note}` : ''))}`)),
        failed: () => end(() => spinner.fail(`${title} ${chalk.dim(elapsed())}`)),
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
