import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { explained } from '../core/system-fault.ts';
import { readOverrides } from '../reconcile/prepare.ts';
import type { AutoscaleSettings } from '../services/app/autoscale.ts';
import { acquireLock } from '../state/lock.ts';
import { changeReplicas } from './change-replicas.ts';
import { type Decision, decide } from './plan/decide.ts';
import { type Reading, sampleOf } from './plan/load.ts';
import type { RunOutcome } from './plan/run-text.ts';
import { appOf, countOf } from './plan/settings.ts';
import { begun, completed, decided, failed, refused, withoutSample, withSample } from './plan/state.ts';
import { cpuPressure, freeMemory, readLoad } from './read-load.ts';
import { openAutoscale, readAutoscale, readPause, runLock, writeAutoscale } from './store.ts';

/** How often the load is read. */
const SAMPLE_MS = 5000;
/** How often the state is written where nothing is done. */
const SAVE_MS = 15_000;
/** Nothing is tried for so long after it was refused. */
const PAUSE_MS = 15_000;

/**
 * Reads the load each 5 s and changes the number of replicas where it asks for that. The load is read meanwhile too.
 * @param seconds for how long; a change that is under way then is completed
 * @throws UserError INTERRUPTED on Ctrl-C, STATE_DAMAGED
 */
export async function autoscale(context: Context, project: Project, own: AutoscaleSettings, seconds: number): Promise<RunOutcome> {
  const run = () => new Run(context, project, own).forSeconds(seconds);
  if (context.flags.dryRun) return run();
  openAutoscale(project.state);
  const lock = await acquireLock(runLock(project.state), 'medianest autoscale run', 0, context.signal, () => {}).catch((error) => {
    if (error instanceof UserError && error.code === 'LOCKED') return undefined;
    throw error;
  });
  if (!lock) return { busy: true, samples: 0, actions: [], replicas: count(project), decision: 'another run is at work' };
  try {
    return await run();
  } finally {
    lock.release();
  }
}

const count = ({ loaded, state }: Project): number => countOf(loaded.settings, readOverrides(state));

class Run {
  readonly #context: Context;
  readonly #project: Project;
  readonly #own: AutoscaleSettings;
  readonly #outcome: RunOutcome;
  #state: ReturnType<typeof readAutoscale>;
  #before: Reading | undefined;
  #saved = Number.NEGATIVE_INFINITY;
  #changing: Promise<void> | undefined;
  /** Of a change: it ends the run. */
  #crash: { error: unknown } | undefined;

  constructor(context: Context, project: Project, own: AutoscaleSettings) {
    this.#context = context;
    this.#project = project;
    this.#own = own;
    this.#state = readAutoscale(project.state);
    this.#outcome = { busy: false, samples: 0, actions: [], replicas: count(project), decision: '' };
  }

  get #now(): number {
    return this.#context.clock.now().getTime();
  }

  async forSeconds(seconds: number): Promise<RunOutcome> {
    // Not by the clock on the wall, which may be set meanwhile.
    const end = performance.now() + seconds * 1000;
    try {
      do {
        const began = performance.now();
        await this.#look();
        if (!this.#changing && performance.now() < end) this.#decide();
        this.#save(false);
        this.#throwCrash();
        await sleep(Math.max(100, began + SAMPLE_MS - performance.now()), undefined, { signal: this.#context.signal });
      } while (performance.now() < end || this.#changing);
    } catch (error) {
      if (this.#context.signal.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'the next run continues');
      throw error;
    } finally {
      await this.#changing;
      this.#save(true);
    }
    this.#throwCrash();
    return { ...this.#outcome, replicas: count(this.#project) };
  }

  #throwCrash(): void {
    if (this.#crash) throw this.#crash.error;
  }

  async #look(): Promise<void> {
    try {
      const reading = await readLoad(this.#context, this.#project, await this.#context.engine());
      this.#state = withSample(this.#state, sampleOf(this.#before, reading), this.#own);
      this.#before = reading;
      this.#outcome.samples++;
    } catch (error) {
      if (this.#context.signal.aborted) throw error;
      // Whatever it is: what cannot be read is not known, and the next look may succeed.
      this.#state = withoutSample(this.#state, this.#now, (error as Error).message);
    }
  }

  #decide(): void {
    const { state } = this.#project;
    const decision = decide({
      now: this.#now,
      own: this.#own,
      count: count(this.#project),
      state: this.#state,
      pause: readPause(state),
      memory: { free: freeMemory(this.#context), each: appOf(this.#project.loaded.settings).memory },
      processors: os.cpus().length,
      pressure: cpuPressure(this.#context),
    });
    this.#outcome.decision = decision.reason;
    this.#state = decided(this.#state, decision.reason, decision.over, this.#now);
    if (decision.action === 'keep') return;
    if (this.#context.flags.dryRun) {
      if (this.#outcome.actions.at(-1)?.to !== decision.to) this.#note(decision, 'planned');
      return;
    }
    this.#changing = this.#change(decision)
      .catch((error) => {
        this.#crash = { error };
      })
      .finally(() => {
        this.#changing = undefined;
      });
  }

  async #change(decision: Decision): Promise<void> {
    const { to, reason } = decision;
    const expected = count(this.#project);
    const before = this.#state.unfinished;
    const from = decision.action === 'resume' ? (before?.from ?? expected) : expected;
    const began = this.#now;
    this.#state = begun(this.#state, { from, to, reason, now: began });
    this.#save(true);
    const ended = () => ({ from, to, reason, began, now: this.#now });
    try {
      await changeReplicas(this.#context, { from, to, expected, reason });
      this.#state = completed(this.#state, this.#own, ended());
      this.#note(decision, 'done', undefined, from);
    } catch (error) {
      const problem = explained(error);
      if (!(problem instanceof UserError)) throw error;
      if (problem.code === 'INTERRUPTED') return;
      // The number is an override by now: containers were touched, and what is missing is made good later.
      if (problem.code !== 'LOCKED' && count(this.#project) === to) {
        this.#state = failed(this.#state, problem.message, ended());
        this.#note(decision, 'failed', problem.message, from);
      } else {
        this.#state = refused(this.#state, before, problem.message.replace(/; nothing was changed$/, ''), this.#now + PAUSE_MS);
        this.#note(decision, 'refused', problem.message, from);
      }
    } finally {
      this.#save(true);
    }
  }

  #note({ to, reason }: Decision, result: RunOutcome['actions'][number]['result'], message?: string, from = count(this.#project)): void {
    this.#outcome.actions.push({ from, to, reason, result, ...(message && { message }) });
  }

  #save(always: boolean): void {
    if (this.#context.flags.dryRun || (!always && performance.now() - this.#saved < SAVE_MS)) return;
    writeAutoscale(this.#project.state, this.#state);
    this.#saved = performance.now();
  }
}
