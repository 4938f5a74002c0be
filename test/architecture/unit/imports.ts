import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { HOME } from '../../support/cli.ts';

export interface Import {
  from: string;
  to: string;
  /** Only types: nothing is loaded. */
  type: boolean;
}

/** Files of src, relative to it. */
export const sources = (): string[] =>
  (readdirSync(path.join(HOME, 'src'), { recursive: true }) as string[]).filter((file) => file.endsWith('.ts')).sort();

const IMPORT =
  /(?:import|export)\s+(type\s+)?(?:[\w*{}\s,]+?from\s+)?'(\.{1,2}\/[^']+)'|(?:import)\(\s*'(\.{1,2}\/[^']+)'\s*\)|declare module '(\.{1,2}\/[^']+)'/g;

/** Every import of one file of src by another, lazy ones and module declarations too. */
export function imports(files: readonly string[] = sources()): Import[] {
  return files.flatMap((from) => {
    const text = readFileSync(path.join(HOME, 'src', from), 'utf8');
    return [...text.matchAll(IMPORT)].map(([, type, plain, lazy, declared]) => ({
      from,
      to: path.posix.join(path.posix.dirname(from), (plain ?? lazy ?? declared) as string),
      type: type !== undefined || declared !== undefined,
    }));
  });
}

/** Groups that reach each other. */
export function circles(edges: readonly (readonly [string, string])[]): string[][] {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const reach = (start: string): Set<string> => {
    const seen = new Set<string>();
    const open = [...(next.get(start) ?? [])];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      open.push(...(next.get(node) ?? []));
    }
    return seen;
  };
  const reached = new Map([...next.keys()].map((node) => [node, reach(node)] as const));
  const inCircle = [...next.keys()].filter((node) => reached.get(node)?.has(node));
  const groups = inCircle.map((node) =>
    [node, ...inCircle.filter((other) => other !== node && reached.get(node)?.has(other) && reached.get(other)?.has(node))].sort(),
  );
  return [...new Map(groups.map((group) => [group.join(' '), group])).values()];
}
