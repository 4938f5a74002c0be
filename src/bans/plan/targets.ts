import { UserError } from '../../core/errors.ts';
import { parseSpan, type Span, unmapped } from '../../firewall/plan/addresses.ts';
import type { Protected } from '../../services/crowdsec/settings/never-banned.ts';

/** What a ban is for: one IPv4 address, one IPv6 /64 (a household), or a range. */
export interface Target {
  /** As CrowdSec is told it, and as lists name it. */
  text: string;
  scope: 'ip' | 'range';
  span: Span;
}

/** Nothing wider is banned by hand: it would be a good part of the Internet. */
const WIDEST = { 4: 8, 6: 16 } as const;

/**
 * An address or range as it is typed. A single IPv6 address stands for its /64: its owner has all of that.
 * @throws UserError USAGE
 */
export function targetOf(typed: string): Target {
  const text = unmapped(typed.trim());
  const [address = '', bits] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  const wide = bits === undefined ? undefined : Number(bits);
  const range = family === 6 && wide === undefined ? `${address}/64` : text;
  const span = parseSpan(range);
  if (!span)
    throw new UserError('USAGE', `${typed} is no address or range`, 'for example 203.0.113.7, 203.0.113.0/24 or 2001:db8:1:2::/64');
  if (wide !== undefined && wide < WIDEST[family])
    throw new UserError('USAGE', `${typed} is too wide: /${WIDEST[family]} is the widest range of IPv${family}`, 'ban smaller ranges');
  const single = family === 4 && (wide === undefined || wide === 32);
  return single ? { text: address, scope: 'ip', span } : { text: range, scope: 'range', span };
}

export const within = (inner: Span, outer: Span): boolean =>
  inner.family === outer.family && outer.first <= inner.first && inner.last <= outer.last;

export const overlap = (a: Span, b: Span): boolean => a.family === b.family && a.first <= b.last && b.first <= a.last;

/** The range that keeps all of this from being banned. */
export const protectedBy = ({ span }: Target, never: readonly Protected[]): Protected | undefined =>
  never.find(({ range }) => within(span, parseSpan(range) as Span));
