import { expect, it } from 'vitest';
import { memoryCheck } from '../../../src/host/plan/machine-health.ts';

const GIB = 1024 ** 3;

it.each([
  [10 * GIB, 'ok'],
  [2 * GIB, 'ok'],
  [1.5 * GIB, 'warn'],
  [0.5 * GIB, 'fail'],
])('a machine of 20 GiB with %d bytes of memory left is %s', (available, status) => {
  expect(memoryCheck(available, 20 * GIB)).toMatchObject([{ id: 'memory', status }]);
});

it('a machine that cannot be looked at has no verdict', () => {
  expect(memoryCheck(undefined, GIB)).toEqual([]);
});
