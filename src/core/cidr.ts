/** IPv4 address arithmetic (RFC 4632 notation). Addresses are unsigned 32-bit numbers. */

export interface Range {
  first: number;
  last: number;
  prefix: number;
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (parts.length !== 4 || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export const formatAddress = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/** `10.0.0.0/16` -> its range; undefined where the text is no IPv4 range. A host part is cut off, as `ip route` does. */
export function parseCidr(text: string): Range | undefined {
  const [address = '', bits = ''] = text.split('/');
  const value = parseAddress(address);
  const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : 33;
  if (value === undefined || prefix > 32) return undefined;
  const count = 2 ** (32 - prefix);
  const first = Math.floor(value / count) * count;
  return { first, last: first + count - 1, prefix };
}

export const formatCidr = (range: Range): string => `${formatAddress(range.first)}/${range.prefix}`;

export const overlaps = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;

/** What is wrong with a range that an operator wrote, in words, or undefined. */
export function cidrProblem(text: string): string | undefined {
  const range = parseCidr(text);
  if (!range) return 'should be `auto` or an IPv4 range such as 10.0.0.0/16';
  if (formatCidr(range) !== text) return `is not the start of a range: write ${formatCidr(range)}`;
  if (range.prefix > 24) return 'should have at least 256 addresses (/24 or wider)';
  return undefined;
}

/** The upper half of a subnet: Docker hands out dynamic addresses there, so they never meet the fixed ones. */
export function dynamicRange(subnet: string): string {
  const range = parseCidr(subnet) as Range;
  const half = 2 ** (31 - range.prefix);
  return formatCidr({ first: range.first + half, last: range.last, prefix: range.prefix + 1 });
}

/** The address with this number in a subnet's lower half; undefined where the subnet is too small for it. */
export function hostAddress(subnet: string, host: number): string | undefined {
  const range = parseCidr(subnet) as Range;
  return host < 2 ** (31 - range.prefix) ? formatAddress(range.first + host) : undefined;
}
