import { formatAddress, parseAddress } from '../../core/cidr.ts';

/** Addresses of one family from `first` to `last`, both included. */
export interface Span {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;
export const FAMILIES = [4, 6] as const;

/** `2001:db8::/32`, `192.0.2.7`, `192.0.2.0/24` -> its addresses, whatever its host part says; undefined where it is none. */
export function parseSpan(text: string): Span | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  const value = family === 6 ? parseIpv6(address) : parseIpv4(address);
  const bits = prefix === undefined ? BITS[family] : /^\d{1,3}$/.test(prefix) ? Number(prefix) : 129;
  if (value === undefined || bits > BITS[family] || more.length > 0) return undefined;
  const size = 1n << BigInt(BITS[family] - bits);
  const first = (value / size) * size;
  return { family, first, last: first + size - 1n };
}

function parseIpv4(text: string): bigint | undefined {
  const value = parseAddress(text);
  return value === undefined ? undefined : BigInt(value);
}

/** RFC 4291, 2.2: all three forms. */
function parseIpv6(text: string): bigint | undefined {
  const [, head = '', tail] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? [undefined, text, undefined];
  const embedded = tail === undefined ? undefined : parseIpv4(tail);
  if (tail !== undefined && embedded === undefined) return undefined;
  const whole = embedded === undefined ? head : `${head}${(embedded >> 16n).toString(16)}:${(embedded & 0xffffn).toString(16)}`;
  const halves = whole.split('::');
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[] | undefined];
  const missing = 8 - before.length - (after?.length ?? 0);
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...Array.from({ length: after ? missing : 0 }, () => '0'), ...(after ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

/** RFC 5952: the longest run of zeros is left out. */
function formatIpv6(value: bigint): string {
  const text = [7, 6, 5, 4, 3, 2, 1, 0].map((place) => ((value >> BigInt(place * 16)) & 0xffffn).toString(16)).join(':');
  const [longest] = [...text.matchAll(/\b0(:0\b)+/g)].map(([run]) => run).sort((a, b) => b.length - a.length);
  return longest ? text.replace(longest === text ? longest : new RegExp(`(^|:)${longest}(:|$)`), '::') : text;
}

const format = ({ family }: Span, value: bigint): string => (family === 4 ? formatAddress(Number(value)) : formatIpv6(value));

/** As nft takes an element of an interval set: an address, a prefix, or `first-last`. */
export function formatSpan(span: Span): string {
  const size = span.last - span.first + 1n;
  if (size === 1n) return format(span, span.first);
  const aligned = (size & (size - 1n)) === 0n && span.first % size === 0n;
  if (!aligned) return `${format(span, span.first)}-${format(span, span.last)}`;
  return `${format(span, span.first)}/${BITS[span.family] - size.toString(2).length + 1}`;
}

/** In order, without overlap, and as few as possible: nft refuses an interval set whose elements overlap. */
export function merged(spans: readonly Span[]): Span[] {
  const sorted = spans.toSorted((a, b) => a.family - b.family || Number(a.first > b.first) - Number(a.first < b.first));
  const result: Span[] = [];
  for (const span of sorted) {
    const last = result.at(-1);
    if (last && last.family === span.family && span.first <= last.last + 1n) {
      if (span.last > last.last) last.last = span.last;
    } else result.push({ ...span });
  }
  return result;
}

/** @throws Error where a text was not checked before */
export const spansOf = (texts: readonly string[]): Span[] =>
  texts.map((text) => {
    const span = parseSpan(text);
    if (!span) throw new Error(`${text} is no address`);
    return span;
  });

export const contains = (spans: readonly Span[], address: string): boolean => {
  const one = parseSpan(unmapped(address));
  return one !== undefined && spans.some(({ family, first, last }) => family === one.family && first <= one.first && one.first <= last);
};

/** `::ffff:192.0.2.1`, as servers that listen on both families name a client, is 192.0.2.1 on the wire. `fe80::1%eth0` has a zone. */
export const unmapped = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');

/** Lists with more lines than this are refused: the rules would take minutes to load. */
const MOST = 500_000;

/**
 * The lines of a list: an address or range in each, `#` or `;` begin a comment.
 * @returns what is wrong, with the number of the line
 */
export function parseList(text: string): Span[] | { line: number; problem: string } {
  const lines = text.split('\n');
  if (lines.length > MOST) return { line: MOST + 1, problem: `has more than ${MOST} lines` };
  const spans: Span[] = [];
  for (const [index, line] of lines.entries()) {
    const entry = (line.split(/[#;]/, 1)[0] as string).trim();
    if (entry === '') continue;
    const span = parseSpan(entry);
    if (!span) return { line: index + 1, problem: `${JSON.stringify(entry.slice(0, 60))} is no address or range` };
    spans.push(span);
  }
  return merged(spans);
}
