import { sha256 } from './hash.ts';

/** IPv6 addresses alone contain a colon. */
export const isIpv6 = (address: string): boolean => address.includes(':');

/** Every address of this host: those of IPv4, those of IPv6. */
export const EVERY_ADDRESS = ['0.0.0.0', '::'] as const;

export const isEveryAddress = (address: string): boolean => EVERY_ADDRESS.some((every) => every === address);

/** As it stands in a URL or before a port (RFC 3986, 3.2.2). */
export const bracketed = (address: string): string => (isIpv6(address) ? `[${address}]` : address);

/** The loopback address by which this host reaches what listens on every address of a family; any other address as it is. */
export const reachableHere = (address: string): string => (address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address);

/** A /64 of unique local addresses (RFC 4193, 3.2): its global identifier is taken from the seed, so the same seed gives the same range. */
export function uniqueLocalRange(seed: string): string {
  const id = sha256(seed).slice(0, 10);
  return `fd${id.slice(0, 2)}:${id.slice(2, 6)}:${id.slice(6, 10)}::/64`;
}
