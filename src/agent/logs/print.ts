import path from 'node:path';
import { KEPT } from './log-store.ts';
import { type Asked, readStored } from './read.ts';

/** Where the volume of logs is, in the agent and in what reads it. */
const FOLDER = path.join('/srv/logs', KEPT);

/** For `medianest logs`: prints the lines that are kept as files. @param words `--since TIME`, `--services A,B`, `--containing TEXT` */
export async function printStored(words: readonly string[]): Promise<void> {
  const asked = askedIn(words);
  const failed: string[] = [];
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => {
      // Its reader has gone.
      process.exit(0);
    });
  let waiting: string[] = [];
  let size = 0;
  const write = () => {
    process.stdout.write(waiting.join(''));
    [waiting, size] = [[], 0];
  };
  await readStored(
    FOLDER,
    asked,
    (line) => {
      waiting.push(`${line}\n`);
      size += line.length;
      if (size > 256 * 1024) write();
    },
    (name, error) => failed.push(`${name}: ${error.message}`),
  );
  await new Promise<void>((resolve) => process.stdout.write(waiting.join(''), () => resolve()));
  // `medianest logs` knows them by these words (src/logs/read-store.ts).
  for (const line of failed) process.stderr.write(`cannot be read: ${line}\n`);
}

function askedIn(words: readonly string[]): Asked {
  const value = (name: string): string | undefined => {
    const at = words.indexOf(name);
    return at === -1 ? undefined : words[at + 1];
  };
  const since = value('--since');
  return {
    since: since === undefined ? undefined : new Date(since),
    services: value('--services')?.split(','),
    containing: value('--containing'),
  };
}
