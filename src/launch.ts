import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Script } from 'node:vm';

declare const MEDIANEST_VERSION: string;
/** Content hash of main.cjs: V8 itself compares no more than the source's length before it takes a cache. */
declare const MAIN_HASH: string;

type Main = typeof import('./main.ts');

/**
 * Of one release of Node.js on one processor, as its name says. V8 compares its own version alone, which is the same for all of
 * Node.js 20 while what its bytecode relies on is not: 20.11 takes the cache of 20.20, and fails in the middle of the program.
 */
export const cacheFile = (use: Use): string => path.join(__dirname, `${use}.${MAIN_HASH}.${process.version}-${process.arch}.cache`);

/** Help has a cache of its own: V8 reads a cache whole, and what other commands run is more than half of theirs. */
type Use = 'help' | 'main';

const useOf = (argv: readonly string[]): Use =>
  argv.length === 0 || argv.some((word) => word === '--help' || word === '-h') ? 'help' : 'main';

/** Loads the program with V8's code cache of it, where there is one: compiling is two thirds of a short command. */
export function load(use: Use): { main: Main; script: Script } {
  const file = path.join(__dirname, 'main.cjs');
  // The bundle is ASCII (esbuild escapes the rest, and the build checks it): decoding UTF-8 would cost a tenth of Node.js' own start.
  // It is wrapped as a module already: to do it here would copy all of it.
  const source = readFileSync(file, 'latin1');
  const cachedData = readCache(use);
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  const module = { exports: {} as Main };
  script.runInThisContext()(module.exports, createRequire(file), module, file, __dirname);
  return { main: module.exports, script };
}

function readCache(use: Use): Buffer | undefined {
  try {
    const cache = readFileSync(cacheFile(use));
    return cache.length > 0 ? cache : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes the cache for this Node.js, once, where the program's folder may be written to: the package has none, because it would
 * fit no Node.js but the one that packed it. Where that fails, an empty one keeps the next command from trying again.
 */
function prepareCache(use: Use): void {
  try {
    if (statSync(cacheFile(use), { throwIfNoEntry: false })) return;
    accessSync(__dirname, constants.W_OK);
  } catch {
    return;
  }
  try {
    execFileSync(process.execPath, [path.join(__dirname, 'write-cache.cjs'), use], { stdio: 'ignore', timeout: 60_000 });
  } catch {
    try {
      writeFileSync(cacheFile(use), '');
    } catch {
      // A full disk: the command itself has more to say about that.
    }
  }
}

/** Starts the program; prints its version without loading the rest. */
export async function start(argv: string[]): Promise<void> {
  if (argv[0] === '--version' || argv[0] === '-V') process.stdout.write(`${MEDIANEST_VERSION}\n`);
  else {
    // Nothing is left to do then, neither to write: it spares Node.js the taking apart of its heap.
    process.once('beforeExit', () => process.exit());
    const use = useOf(argv);
    // What a shell asks while a person types waits for nothing.
    if (argv[0] !== '__complete') prepareCache(use);
    await load(use).main.main(argv, true);
  }
}
