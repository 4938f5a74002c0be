import { createInterface } from 'node:readline/promises';

/** One line from the person at the terminal; undefined where the terminal is closed instead. */
export function askTerminal(question: string, signal: AbortSignal): Promise<string | undefined> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<undefined>((resolve) => prompt.once('close', () => resolve(undefined)));
  return Promise.race([prompt.question(question, { signal }), closed]).finally(() => prompt.close());
}
