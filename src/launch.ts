import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Script } from 'node:vm';

declare const MEDIANEST_VERSION: string;
/** Content hash of main.cjs: V8 itself compares no more than the source's length before it takes a cache. */
declare const MAIN_HASH: string;

type Main = typeof import('./main.ts');

export const cacheFile = path.join(__dirname, `main.${MAIN_HASH}.cache`);

/**
 * Loads the program with V8's code cache of it, which the build wrote: compiling is two thirds of a short command.
 * Another Node.js than the build's refuses the cache, and compiles.
 */
export function load(): { main: Main; script: Script } {
  const file = path.join(__dirname, 'main.cjs');
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`;
  const cachedData = readCache();
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  const module = { exports: {} as Main };
  script.runInThisContext()(module.exports, createRequire(file), module, file, __dirname);
  return { main: module.exports, script };
}

function readCache(): Buffer | undefined {
  try {
    return readFileSync(cacheFile);
  } catch {
    return undefined;
  }
}

/** Starts the program; prints its version without loading the rest. */
export async function start(argv: string[]): Promise<void> {
  if (argv[0] === '--version' || argv[0] === '-V') process.stdout.write(`${MEDIANEST_VERSION}\n`);
  else await load().main.main(argv);
}
