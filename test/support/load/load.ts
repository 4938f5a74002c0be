import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOME } from '../cli.ts';
import type { Workspace } from '../workspace.ts';

export interface LoadOptions {
  /** Origin, such as https://localhost:8443. */
  base: string;
  /** File of the root that is trusted. */
  ca?: string;
  /** Requests a second, begun whether or not earlier ones were answered. */
  rate?: number;
  /** Each request on a connection of its own, with a whole handshake. */
  fresh?: boolean;
  paths?: string[];
  /** Every nth request is a POST with a title and an Idempotency-Key of its own; 0 for none. */
  postEvery?: number;
  postPath?: string;
  /** A request for this is under way all the time. */
  slowPath?: string;
  timeoutMs?: number;
  /** First part of every title. */
  run?: string;
}

export interface Failure {
  time: string;
  began: string;
  ms: number;
  method: 'GET' | 'POST';
  path: string;
  /** The status, or what went wrong with the connection. */
  reason: string;
  title?: string;
  reusedConnection: boolean;
}

interface Tally {
  sent: number;
  answered: number;
  failed: number;
  statuses: Record<string, number>;
  /** Longest time between two successes, and from the last one to the end. */
  longestGapMs: number;
  p50: number;
  p90: number;
  p95: number;
  p99: number;
  max: number;
}

export interface Snapshot {
  sent: number;
  failed: number;
  inFlight: number;
  at: string;
}

export interface LoadReport extends Snapshot {
  run: string;
  began: string;
  seconds: number;
  rate: number;
  cpuShare: number;
  get: Tally;
  post: Tally;
  slow: Tally;
  /** The first 1,000. */
  failures: Failure[];
  /** Title of every write that was answered 201, and its id. */
  acknowledged: Record<string, number>;
}

export class Load {
  readonly #child: ChildProcess;

  constructor(options: LoadOptions) {
    this.#child = fork(path.join(HOME, 'test/support/load/load-generator.mjs'), {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.send({ options });
  }

  async #ask<T>(question: 'snapshot' | 'stop'): Promise<T> {
    const heard = new AbortController();
    const answer = once(this.#child, 'message', heard);
    const ended = once(this.#child, 'exit', heard).then(([status]) => {
      throw new Error(`the load generator ended with status ${status}`);
    });
    this.#child.send({ ask: question });
    try {
      const [message] = (await Promise.race([answer, ended])) as [{ snapshot: T; report: T }];
      return question === 'snapshot' ? message.snapshot : message.report;
    } finally {
      answer.catch(() => {});
      ended.catch(() => {});
      heard.abort();
    }
  }

  snapshot(): Promise<Snapshot> {
    return this.#ask('snapshot');
  }

  /** Waits until so many more requests have been sent. */
  async more(count: number): Promise<void> {
    const goal = (await this.snapshot()).sent + count;
    while ((await this.snapshot()).sent < goal) await sleep(50);
  }

  /** Waits for what is under way, and tells all. */
  stop(): Promise<LoadReport> {
    return this.#ask('stop');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Light enough for two cores that run the whole stack, the load and the tests; the bench asks for 300 a second. */
const RATE = 100;

/** Load on a stack's edge, trusting its own root; it runs already when this resolves. */
export async function loadOn(workspace: Workspace, options: Partial<LoadOptions> = {}): Promise<Load> {
  const load = new Load({
    base: `https://localhost:${workspace.httpsPort}`,
    ca: path.join(workspace.state, 'ca', 'root.crt'),
    rate: RATE,
    ...options,
  });
  await load.more(options.rate ?? RATE);
  return load;
}

/** Runs something under load, and tells what the load has met meanwhile. The load ends with it, also when it fails. */
export async function under<T>(load: Load, act: () => Promise<T>): Promise<{ result: T; report: LoadReport }> {
  try {
    const result = await act();
    return { result, report: await load.stop() };
  } finally {
    load.kill();
  }
}

/** What the database holds of a run: every acknowledged write must be there once, with its id; no other more than once. */
export async function checkWrites(
  workspace: Workspace,
  report: LoadReport,
): Promise<{ lost: string[]; doubled: string[]; stored: number }> {
  const query = `SELECT title, count(*), min(id) FROM requests WHERE title LIKE '${report.run}-%' GROUP BY title`;
  const psql = ['exec', 'postgres', 'psql', '-U', 'postgres', '-d', 'medianest', '-At', '-F', ' ', '-c', query];
  let { stdout, stderr, status } = await workspace.run(psql);
  // A member that has just lost the lead is restarted as a replica.
  for (let again = 0; status !== 0 && again < 20; again++) {
    await sleep(1000);
    ({ stdout, stderr, status } = await workspace.run(psql));
  }
  if (status !== 0) throw new Error(stderr);
  const rows = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ') as [string, string, string]);
  const ids = new Map(rows.map(([title, , id]) => [title, Number(id)]));
  return {
    lost: Object.entries(report.acknowledged)
      .filter(([title, id]) => ids.get(title) !== id)
      .map(([title]) => title),
    doubled: rows.filter(([, count]) => count !== '1').map(([title]) => title),
    stored: rows.length,
  };
}

/** What failed, in a form that a failing test can print: kind -> how often, with the first of each. */
export function kinds(failures: readonly Failure[]): Record<string, string> {
  const told: Record<string, string> = {};
  for (const { method, reason, path: where, began, ms } of failures) {
    const kind = `${method} ${reason}`;
    const count = failures.filter((failure) => failure.method === method && failure.reason === reason).length;
    told[kind] ??= `${count}, the first ${where} begun ${began}, ${ms} ms`;
  }
  return told;
}
