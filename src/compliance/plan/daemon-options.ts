import type { DaemonConfig } from './evidence.ts';

const SHORT: Readonly<Record<string, string>> = { H: 'host', D: 'debug', l: 'log-level', G: 'group', s: 'storage-driver', p: 'pidfile' };

/**
 * The options of a command line of dockerd (its reference, `dockerd --help`). One that is given several times is a list.
 * @param words what stands behind the program's name: `-H fd:// --log-level=debug --tlsverify`
 */
export function commandLineOptions(words: readonly string[]): DaemonConfig['options'] {
  const found: Record<string, string | string[] | boolean> = {};
  for (let at = 0; at < words.length; at++) {
    const [, long, short, given] = /^(?:--([\w-]+)|-(\w))(?:=([\s\S]*))?$/.exec(words[at] as string) ?? [];
    const name = long ?? SHORT[short ?? ''] ?? short;
    if (name === undefined) continue;
    const next = words[at + 1];
    // dockerd takes no arguments: a word that is no option is the value of the option before it.
    const value = given ?? (next !== undefined && !next.startsWith('-') ? (words[++at] as string) : true);
    const before = found[name];
    found[name] = before === undefined ? value : [...[before].flat().map(String), String(value)];
  }
  return found;
}
