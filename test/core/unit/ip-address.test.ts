import { expect, test } from 'vitest';
import { bracketed, reachableHere, uniqueLocalRange } from '../../../src/core/ip-address.ts';

test.each([
  ['0.0.0.0', '127.0.0.1', '0.0.0.0'],
  ['::', '::1', '[::]'],
  ['192.0.2.7', '192.0.2.7', '192.0.2.7'],
  ['2001:db8::7', '2001:db8::7', '[2001:db8::7]'],
])('%s is reached at %s, and is %s before a port', (address, here, written) => {
  expect([reachableHere(address), bracketed(address)]).toEqual([here, written]);
});

test('a range of unique local addresses is the same for the same seed, and another for another (RFC 4193)', () => {
  expect(uniqueLocalRange('medianest 172.16.144.0/24')).toMatch(/^fd[\da-f]{2}:[\da-f]{4}:[\da-f]{4}::\/64$/);
  expect(uniqueLocalRange('a')).toBe(uniqueLocalRange('a'));
  expect(uniqueLocalRange('a')).not.toBe(uniqueLocalRange('b'));
});
