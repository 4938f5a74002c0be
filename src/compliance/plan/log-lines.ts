import type { LogEvidence } from './evidence.ts';

interface Line {
  client?: unknown;
  path?: unknown;
  agent?: unknown;
}

/** What lines of the edge say of visitors; undefined where none is a line of a request. @param lines JSON, beside others */
export function edgeLines(lines: readonly string[]): LogEvidence['edge'] {
  const read = lines.flatMap((text) => {
    try {
      const line = JSON.parse(text) as Line | null;
      return typeof line === 'object' && line !== null && 'path' in line ? [line] : [];
    } catch {
      // A line of nginx itself.
      return [];
    }
  });
  if (read.length === 0) return undefined;
  return {
    client: read.some(({ client }) => Boolean(client)),
    query: read.some(({ path }) => String(path).includes('?')),
    agent: read.some(({ agent }) => Boolean(agent)),
  };
}
