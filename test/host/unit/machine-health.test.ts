import { expect, it } from 'vitest';
import { kernelChecks, memoryCheck } from '../../../src/host/plan/machine-health.ts';
import { load, stackOf } from '../../support/settings.ts';

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

it('a setting of the kernel that could be better is told, and is no warning each day', () => {
  const stack = stackOf(load({ flags: { profile: 'prod' } }));
  const [found] = kernelChecks(stack, { 'vm.overcommit_memory': 0 });
  expect(found).toMatchObject({
    id: 'kernel.vm.overcommit_memory',
    status: 'ok',
    message: expect.stringContaining('sudo sysctl -w vm.overcommit_memory=1'),
  });
  expect(kernelChecks(stack, { 'vm.overcommit_memory': 1 })).toEqual([
    { id: 'kernel.vm.overcommit_memory', status: 'ok', message: 'vm.overcommit_memory is 1' },
  ]);
});
