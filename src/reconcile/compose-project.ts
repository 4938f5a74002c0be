import path from 'node:path';
import type { Execution } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import type { Task } from '../core/reporter.ts';
import { composeArgs } from '../docker/compose.ts';
import { LABELS_FILE } from '../stack/override/operator-override.ts';
import { OVERRIDE_FILE } from '../stack/override/operator-override-checks.ts';
import type { StateFolder } from '../state/state.ts';
import { isAwaited, recovers, showAwaited, unhealthyError } from './unhealthy.ts';

/** The project's Compose files as they were written last: what an operator has put into the override since counts from the next `up` on. */
export const composeFiles = (state: StateFolder): string[] => {
  const files = filesBeside(state.composeFile);
  // Before 0.5 the override was no part of what is written.
  const before = files.length === 1 && state.override() !== undefined && state.manifest()?.addedVolumes === undefined;
  return before ? [state.composeFile, state.overrideFile] : files;
};

/** A rendered Compose file, and over it the operator's with our labels, where there is one. */
export const filesBeside = (composeFile: string): string[] => [
  composeFile,
  ...[OVERRIDE_FILE, LABELS_FILE].map((name) => path.join(path.dirname(composeFile), name)).filter(exists),
];

/** @throws UserError PARTIAL where Compose stops part-way, RANGE_LOST where a network of it cannot be made */
export async function compose(run: Execution, task: Task | undefined, args: string[], files?: string[]): Promise<void> {
  const { exitCode, tail } = await runCompose(run, task, args, files);
  if (exitCode !== 0) throw failed(args, tail);
}

/** Starts, and waits until healthy. @param only services whose health matters; all of the project where not given */
export async function composeUp(
  run: Execution,
  task: Task | undefined,
  args: string[],
  waitSeconds: number,
  only?: readonly string[],
): Promise<void> {
  const { engine, prepared } = run;
  const stop = showAwaited(engine, prepared.project, task, only);
  try {
    await startHealthy(run, task, args, waitSeconds, only);
  } finally {
    stop();
  }
}

async function startHealthy(
  run: Execution,
  task: Task | undefined,
  args: string[],
  waitSeconds: number,
  only?: readonly string[],
): Promise<void> {
  const started = Date.now();
  const { engine, prepared } = run;
  let { exitCode, tail } = await runCompose(run, task, args);
  // Where its time is over between two of its looks, Compose 2.40 takes that for success (waitDependencies, at ctx.Done).
  const done = async () => exitCode === 0 && !(await isAwaited(engine, prepared.project, only));
  if (await done()) return;
  const left = waitSeconds - (Date.now() - started) / 1000;
  // All are started by then, and what has a check is waited for here.
  const patience = { seconds: left, restarts: true };
  const unchecked = tail.some((line) => UNCHECKED.test(line));
  if (unchecked && (await recovers(engine, prepared.project, left, run.context.signal, only, patience))) return;
  if (await recovers(engine, prepared.project, left, run.context.signal, only)) ({ exitCode, tail } = await runCompose(run, task, args));
  if (await done()) return;
  throw (await unhealthyError(engine, prepared.project, only)) ?? failed(args, tail);
}

/** How Compose gives up waiting for a container whose check is switched off (`healthcheck: { disable: true }`, `HEALTHCHECK NONE`). */
const UNCHECKED = /has no healthcheck configured/;

/** How the engine refuses a network whose addresses another one has: some of them (libnetwork's ipamapi.ErrPoolOverlap), or all. */
const RANGE_TAKEN = /Pool overlaps with other one on this address space|failed to allocate gateway \([^)]*\): Address already in use/;

function failed(args: readonly string[], tail: readonly string[]): UserError {
  if (tail.some((line) => RANGE_TAKEN.test(line)))
    return new UserError(
      'RANGE_LOST',
      'another network took an address range of this project while it was brought up',
      'run the same command again: a free range is chosen; `docker network ls` shows the others',
    );
  return new UserError(
    'PARTIAL',
    `docker compose ${args[0]} stopped part-way: ${tail
      .slice(-3)
      .map((line) => line.trim())
      .join(' | ')}`,
    'run the same command again to continue; `medianest status` shows what runs',
  );
}

/** Compose over the project's files, its progress shown. */
export function runCompose(run: Execution, task: Task | undefined, args: string[], files = composeFiles(run.prepared.state)) {
  const { project, state } = run.prepared;
  return run.docker.run(composeArgs(project, state.root, files, ...args), {
    signal: run.context.signal,
    onStart: (pid) => run.lock.noteChild(pid),
    onLine: (line) => {
      const [, what, name, doing] = /^\s*(Container|Network|Volume) (\S+)\s+(\w+)/.exec(line) ?? [];
      if (what && name && doing) task?.detail(`${name.replace(`${project}-`, '')} ${doing.toLowerCase()}`);
    },
  });
}
