// @ts-check
import { isIPv6 } from 'node:net';

/**
 * Whom an address stands for, as the edge counts its requests: an IPv4 address, or the /64 of an IPv6 one, which is one household's.
 * @param {string} address
 */
export function clientOf(address) {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  if (!isIPv6(address)) return address;
  // As the URL standard writes it: lower case, in hex, without leading zeros.
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (/** @type {string} */ text) => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? first : [...first, ...Array(8 - first.length - last.length).fill('0'), ...last];
  return `${all.slice(0, 4).join(':')}::/64`;
}
