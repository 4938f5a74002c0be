import { formatAddress, parseCidr, type Range } from '../../core/cidr.ts';

/** The port inside the container. */
export const INNER_PORT = 51_820;

const rangeOf = (network: string): Range => parseCidr(network) as Range;

/** The address in the tunnel with this number. */
export const tunnelAddress = (network: string, number: number): string => formatAddress(rangeOf(network).first + number);

/** The tunnel's own address; at it peers find the edge. */
export const serverAddress = (network: string): string => tunnelAddress(network, 1);

/** The mask of the tunnel's range: `255.255.255.0`. */
export const maskOf = (network: string): string => formatAddress(2 ** 32 - 2 ** (32 - prefixOf(network)));

export const prefixOf = (network: string): number => rangeOf(network).prefix;

/** Numbers of peers: the upper half of the range, without its last address. Services are in the lower half, from 2 on. */
export function peerNumbers(network: string): { first: number; last: number } {
  const { first, last } = rangeOf(network);
  const count = last - first + 1;
  return { first: count / 2, last: count - 2 };
}
