import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { HOME } from '../cli.ts';

export interface WriterOptions {
  /** First part of every id. */
  run: string;
  postgres?: { host: string; port: number; user: string; passwordFile: string; database: string; caFile: string; clientFolder: string };
  /** They are asked, past the router, which of them leads. */
  members?: { service: string; address: string }[];
  redis?: { nodes: string[]; user: string; passwordFile: string; caFile: string };
}

interface Written {
  acknowledged: number;
  longestGapMs: number;
  gapBeganAt: string;
  /** What went wrong, and how often. */
  errors: Record<string, number>;
}

export interface WriterReport {
  postgres: Written & { lost: string[] };
  leaders: { counts: Record<string, { rest: number; writes: number }>; contradictions: string[] };
  redis: { thirds: [Written, Written, Written]; lost: string[] };
}

/** What was acknowledged. */
export interface Kept {
  postgres: string[];
  redis: string[];
}

/** The writers of data-writer.mjs. */
export class Writers {
  readonly #child: ChildProcess;

  private constructor([command, ...before]: readonly string[]) {
    const how = command === undefined ? { execArgv: [] } : { execPath: command, execArgv: [...before, process.execPath] };
    this.#child = fork(path.join(HOME, 'test/support/data/data-writer.mjs'), { ...how, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** They write already when this resolves. @param prefix of their command, such as one that enters another network */
  static async begin(options: WriterOptions, prefix: readonly string[] = []): Promise<Writers> {
    const writers = new Writers(prefix);
    await writers.#ask({ options });
    return writers;
  }

  async #ask<T>(message: object): Promise<T> {
    const heard = new AbortController();
    const ended = once(this.#child, 'exit', heard).then(([status]) => {
      throw new Error(`the writers ended with status ${status}`);
    });
    const answer = once(this.#child, 'message', heard);
    this.#child.send(message);
    try {
      const [told] = (await Promise.race([answer, ended])) as [{ answer: T; error?: string }];
      if (told.error !== undefined) throw new Error(told.error);
      return told.answer;
    } finally {
      answer.catch(() => {});
      ended.catch(() => {});
      heard.abort();
    }
  }

  counts(): Promise<{ postgres: number; redis: number[] }> {
    return this.#ask({ ask: 'counts' });
  }

  /** Asks the database's leader, also while it is about to become one. */
  rows<T>(text: string): Promise<T[]> {
    return this.#ask({ ask: 'rows', text });
  }

  /** Ends the writing without looking. */
  pauseWriting(): Promise<Kept> {
    return this.#ask({ ask: 'pauseWriting' });
  }

  /** What others have had acknowledged and is not there. */
  missing(kept: Kept): Promise<Kept> {
    return this.#ask({ ask: 'missing', kept });
  }

  /** Ends the writing, and looks whether all that was acknowledged is there. */
  stop(): Promise<WriterReport> {
    return this.#ask({ ask: 'stop' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
