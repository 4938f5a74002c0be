import { createHash } from 'node:crypto';

/** JSON with sorted keys: the same data gives the same text, whatever order it was built in. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** A short content hash for names and labels: 48 bits are plenty among the versions of one service. */
export const shortHash = (value: unknown): string => sha256(typeof value === 'string' ? value : canonical(value)).slice(0, 12);
