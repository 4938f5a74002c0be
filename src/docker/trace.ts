import { systemCode, UserError } from '../core/errors.ts';
import { onProgram } from '../core/programs.ts';
import { shellWord } from '../core/shell-word.ts';
import type { Engine } from './types.ts';

/** What `--verbose` shows of programs and engine calls. Loaded with `--verbose` alone. */

type Say = (line: string) => void;

const HIDDEN = '[redacted]';

/** The word after it is `NAME=value`, or a name whose value comes from the environment. */
const TAKES_VARIABLE = ['-e', '--env', '--build-arg'];

/** `https://user:password@host` */
const IN_ADDRESS = /:\/\/[^/@\s]+@/g;

/** `password=x`, `--token x` in one word, SQL's `password 'x'` */
const NAMED = /\b((?:[\w-]*[_-])?(?:pass(?:word|wd|phrase)?|secret|token|credentials?))(\s*[=:]\s*|\s+(?=['"]))(?:'[^']*'|"[^"]*"|\S+)/gi;

/**
 * An argument list as a shell would take it. Ours hold no secret (a secret travels as a file or as input); those of `exec`, of
 * hooks and of a proxy's address are the operator's.
 */
export function commandText(program: string, args: readonly string[]): string {
  const words = args.map((word, at) => {
    if (TAKES_VARIABLE.includes(args[at - 1] ?? '')) return word.replace(/=.+/s, `=${HIDDEN}`);
    if (/^(--env|--build-arg)=/.test(word)) return word.replace(/^([^=]*=[^=]*=).*/s, `$1${HIDDEN}`);
    if (/^--[\w-]*(password|passphrase|secret|token)$/.test(args[at - 1] ?? '')) return HIDDEN;
    return withoutSecrets(word);
  });
  return [program, ...words].map((word) => shellWord(word).replaceAll(`'${HIDDEN}'`, HIDDEN)).join(' ');
}

const withoutSecrets = (text: string): string => text.replace(IN_ADDRESS, `://${HIDDEN}@`).replace(NAMED, `$1$2${HIDDEN}`);

/** Tells every program that was run, how it ended and how long it took. @returns what stops it */
export const tracePrograms = (say: Say): (() => void) =>
  onProgram(({ program, args, status, ms }) =>
    say(`${commandText(program, args)}: ${status === undefined ? 'no status' : `status ${status}`} after ${duration(ms)}`),
  );

/** The same engine; tells every call of it and how long it took. */
export function traceEngine(engine: Engine, say: Say): Engine {
  return new Proxy(engine, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        const started = performance.now();
        const tell = (end: string) => say(`engine ${callText(String(name), args)}: ${end}${duration(performance.now() - started)}`);
        try {
          const value = await method.apply(target, args);
          tell('');
          return value;
        } catch (error) {
          tell(`${error instanceof UserError ? error.code : (systemCode(error) ?? 'failed')} after `);
          throw error;
        }
      };
    },
  });
}

/** `observe medianest`, `exec 3f2a9c1b7d04 controller status` */
function callText(name: string, args: readonly unknown[]): string {
  const words = args
    .flat()
    .filter((arg) => typeof arg !== 'object')
    .map((arg) => (/^[0-9a-f]{64}$/.test(String(arg)) ? String(arg).slice(0, 12) : String(arg)));
  return commandText(name, words);
}

const duration = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
