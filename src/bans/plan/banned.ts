import { formatSpan, merged, parseSpan, type Span } from '../../firewall/plan/addresses.ts';
import { type BanElement, type BanSet, MOST_BANS, MOST_RANGES } from '../../firewall/plan/bans-table.ts';
import { secondsOf } from './decisions.ts';

/** A ban as CrowdSec tells it to those that enforce it. */
export interface Told {
  value: string;
  seconds: number;
}

/** What CrowdSec has answered: bans that are new, and values whose bans have ended. */
export interface Answer {
  added: Told[];
  ended: string[];
}

interface Decision {
  duration: string;
  scope: string;
  type: string;
  value: string;
}

/**
 * The answer of `/v1/decisions/stream` in what the container has printed.
 * @returns undefined where it is none, or was cut
 */
export function answerOf(output: string): Answer | undefined {
  try {
    const { deleted, new: added } = JSON.parse(output.slice(output.indexOf('{"deleted":'))) as Record<string, Decision[] | null>;
    if (deleted === undefined || added === undefined) return undefined;
    const isBan = ({ type, scope }: Decision) => type === 'ban' && /^(?:ip|range)$/i.test(scope);
    return {
      added: (added ?? []).filter(isBan).map(({ value, duration }) => ({ value, seconds: secondsOf(duration) })),
      ended: (deleted ?? []).filter(isBan).map(({ value }) => value),
    };
  } catch {
    return undefined;
  }
}

/** One ban of the firewall: a single address, an IPv6 /64, or a range; and when it ends, in milliseconds of a clock that is never set. */
export interface Entry {
  set: BanSet;
  span: Span;
  text: string;
  end: number;
}

/** Bans by `set text`. */
export type Banned = Map<string, Entry>;

/** A ban of one IPv6 address is one of its /64, as at the edge. */
function entryOf(value: string, end: number): Entry | undefined {
  const span = parseSpan(value.includes(':') && !value.includes('/') ? `${value}/64` : value);
  if (!span) return undefined;
  const size = span.last - span.first + 1n;
  const single = size === (span.family === 4 ? 1n : 1n << 64n);
  const set: BanSet = `${single ? '' : 'ranges_'}v${span.family}`;
  return { set, span, text: single ? formatSpan({ ...span, last: span.first }) : formatSpan(span), end };
}

const keyOf = ({ set, text }: Pick<Entry, 'set' | 'text'>): string => `${set} ${text}`;

/** Takes an answer: what ended first, as a client may be banned again. @returns the keys that it touches */
export function take(banned: Banned, { added, ended }: Answer, now: number): Set<string> {
  const touched = new Set<string>();
  for (const value of ended) {
    const entry = entryOf(value, 0);
    if (entry && banned.delete(keyOf(entry))) touched.add(keyOf(entry));
  }
  for (const { value, seconds } of added) {
    const entry = entryOf(value, now + seconds * 1000);
    if (!entry || seconds <= 0) continue;
    const key = keyOf(entry);
    if ((banned.get(key)?.end ?? 0) >= entry.end) continue;
    banned.set(key, entry);
    touched.add(key);
  }
  return touched;
}

/** Forgets what has ended: the kernel has too. */
export function forget(banned: Banned, now: number): void {
  for (const [key, { end }] of banned) if (end <= now) banned.delete(key);
}

/** What is left of a range without others. @param others merged */
function without(span: Span, others: readonly Span[]): Span[] {
  const left: Span[] = [];
  let { first } = span;
  for (const other of others) {
    if (other.family !== span.family || other.last < first || other.first > span.last) continue;
    if (other.first > first) left.push({ ...span, first, last: other.first - 1n });
    first = other.last + 1n;
  }
  return first <= span.last ? [...left, { ...span, first }] : left;
}

export interface Elements {
  elements: BanElement[];
  /** Bans that no set has a place for: those that end first. */
  leftOut: number;
}

const isRange = ({ set }: Entry): boolean => set.startsWith('ranges');

/**
 * The elements of the sets. Who is never banned is in none of them, whatever the bans say: a range is cut around them.
 * @param never merged
 * @param most elements of a set of single addresses
 * @param longest seconds that an element has at most: so long after their writer has died, the sets are empty
 */
export function elementsOf(banned: Banned, never: readonly Span[], now: number, longest: number, most = MOST_BANS): Elements {
  const byEnd = [...banned.values()].filter(({ end }) => end > now).sort((a, b) => b.end - a.end);
  const seconds = ({ end }: Entry) => Math.min(longest, Math.ceil((end - now) / 1000));
  const kept: Record<string, number> = {};
  const elements: BanElement[] = [];
  let leftOut = 0;
  // Intervals must not overlap: what several ranges name ends with the last of them.
  let covered: readonly Span[] = never;
  for (const entry of byEnd) {
    if (!isRange(entry) && touches(entry.span, never)) continue;
    const place = (kept[entry.set] ?? 0) + 1;
    kept[entry.set] = place;
    if (place > (isRange(entry) ? MOST_RANGES : most)) {
      leftOut++;
    } else if (isRange(entry)) {
      for (const piece of without(entry.span, covered)) elements.push({ set: entry.set, text: formatSpan(piece), seconds: seconds(entry) });
      covered = merged([...covered, entry.span]);
    } else {
      elements.push({ set: entry.set, text: entry.text, seconds: seconds(entry) });
    }
  }
  return { elements, leftOut };
}

const touches = (span: Span, others: readonly Span[]): boolean =>
  others.some(({ family, first, last }) => family === span.family && first <= span.last && span.first <= last);
