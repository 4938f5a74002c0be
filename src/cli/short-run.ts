// Loaded before the flags change, because V8 takes a code cache, Node.js' own too, with the flags alone that it was written with.
import 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { setFlagsFromString } from 'node:v8';

/**
 * Release of Node.js -> flags of V8 for a program that is done in a moment. Marking what is used, in the background, begins when all is
 * loaded, and is not done before the command is: where the heap does grow, V8 marks it at once. Functions are optimised once they have
 * run fifteen times as long. Together a sixth of a command's processor time; a fifteenth in Node.js 22, and nothing from 24 on.
 */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  '20': ['--no-incremental-marking', '--interrupt-budget=2000000'],
  '22': ['--no-incremental-marking'],
};

/** What a command uses of Node.js besides, for the same reason: the build has each module loaded by its first use (scripts/build.mjs). */
const USES: Readonly<Record<string, () => unknown>> = {
  'certs renew': () => tls.connect,
  status: () => net.connect,
  up: () => net.connect,
};

/**
 * Spares what pays off in long runs alone. A flag that V8 does not know is a line on stderr: each stands for a release that has it.
 * @param version of Node.js, such as `20.11.0` @param command such as `certs renew`
 */
export function expectShortRun(version: string, command: string): void {
  USES[command]?.();
  for (const flag of FLAGS[version.split('.')[0] as string] ?? []) setFlagsFromString(flag);
}
