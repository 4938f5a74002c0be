import { describe, expect, it } from 'vitest';
import { groupTooLarge } from '../../src/host/plan/group-memory.ts';

const GIB = 1024 ** 3;
const members = (count: number, gib: number, group = 'database') =>
  Array.from({ length: count }, () => ({ memoryBytes: gib * GIB, member: { group, controller: 'agent' } }));

describe('memory for the stack', () => {
  it('is enough where limits add up to more than there is, but no group does', () => {
    expect(groupTooLarge([...members(2, 2), ...members(6, 0.5, 'cache')], 4 * GIB)).toBeUndefined();
  });
  it('is not enough for three members where it is for one', () => {
    expect(groupTooLarge(members(1, 1.5), 2 * GIB)).toBeUndefined();
    expect(groupTooLarge(members(3, 1.5), 2 * GIB)).toEqual({
      message: 'the 3 members of database may use up to 4.5 GiB together, all at the same time, and this machine has 2.0 GiB',
      remedy: 'a smaller `database.members` or `database.memory` in medianest.yml',
    });
  });
  it('is told by group', () => {
    expect(groupTooLarge([...members(2, 1), ...members(6, 1, 'cache')], 4 * GIB)?.remedy).toMatch(/redisCluster\.memory/);
    expect(groupTooLarge(members(3, 1, 'coordination'), 2 * GIB)?.remedy).toMatch(/etcd\.members/);
  });
});
