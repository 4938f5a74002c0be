import { channel } from 'node:diagnostics_channel';

/** A program that was run, without its input and environment: those hold secrets. */
export interface ProgramRun {
  program: string;
  args: readonly string[];
  /** Undefined where it could not be started, or was ended by a signal. */
  status: number | undefined;
  ms: number;
}

const runs = channel('medianest.program');

/** To be called when a program is started. Costs nothing unless somebody listens. @returns what is to be called when it has ended */
export function startedProgram(program: string, args: readonly string[]): (status: number | null | undefined) => void {
  if (!runs.hasSubscribers) return () => undefined;
  const started = performance.now();
  return (status) => {
    const run: ProgramRun = { program, args, status: status ?? undefined, ms: performance.now() - started };
    runs.publish(run);
  };
}

/** Tells every program that ends from now on. @returns what stops it */
export function onProgram(listener: (run: ProgramRun) => void): () => void {
  const subscriber = (message: unknown) => listener(message as ProgramRun);
  runs.subscribe(subscriber);
  return () => void runs.unsubscribe(subscriber);
}
