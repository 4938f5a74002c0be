import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** One line from the person at the terminal; undefined where the terminal is closed instead. A secret is not shown. */
export async function askTerminal(question: string, signal: AbortSignal, secret = false): Promise<string | undefined> {
  // A prompt of several lines would be drawn again with each key: what is above the last line is written once.
  const last = question.lastIndexOf('\n') + 1;
  process.stderr.write(secret ? question : question.slice(0, last));
  const nowhere = new Writable({ write: (_chunk, _encoding, written) => written() });
  const prompt = createInterface({ input: process.stdin, output: secret ? nowhere : process.stderr, terminal: process.stdin.isTTY });
  const closed = new Promise<undefined>((resolve) => prompt.once('close', () => resolve(undefined)));
  try {
    return await Promise.race([prompt.question(secret ? '' : question.slice(last), { signal }), closed]);
  } finally {
    prompt.close();
    if (secret) process.stderr.write('\n');
  }
}
