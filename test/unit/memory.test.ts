import { describe, expect, it } from 'vitest';
import { memoryProblem } from '../../src/plan/memory.ts';

const GIB = 1024 ** 3;
const members = (count: number, gib: number, group = 'database') =>
  Array.from({ length: count }, () => ({ memoryBytes: gib * GIB, member: { group, keeper: 'agent' } }));
const others = (count: number, gib: number) => Array.from({ length: count }, () => ({ memoryBytes: gib * GIB }));

describe('memory for the stack', () => {
  it('is enough where limits add up to more than there is, but no group does', () => {
    expect(memoryProblem([...members(2, 2), ...members(6, 0.5, 'cache'), ...others(8, 1)], 4 * GIB)).toBeUndefined();
  });
  it('is not enough for three members where it is for one', () => {
    expect(memoryProblem(members(1, 1.5), 2 * GIB)).toBeUndefined();
    expect(memoryProblem(members(3, 1.5), 2 * GIB)).toEqual({
      message: 'the 3 members of database may use up to 4.5 GiB together, all at the same time, and this machine has 2 GiB',
      hint: 'a smaller `database.members` or `database.memory` in medianest.yml',
    });
  });
  it('is told by group', () => {
    expect(memoryProblem([...members(2, 1), ...members(6, 1, 'cache')], 4 * GIB)?.hint).toMatch(/redisCluster\.memory/);
    expect(memoryProblem(members(3, 1, 'coordination'), 2 * GIB)?.hint).toMatch(/etcd\.members/);
  });
  it('is not enough where everything together could never run', () => {
    expect(memoryProblem(others(20, 1), 4 * GIB)?.message).toBe('20 containers may use up to 20 GiB together, and this machine has 4 GiB');
  });
});
