import { expect, it } from 'vitest';
import { freeSpaceOf, inodesOf } from '../../../src/docker/plan/free-space.ts';
import { quotaCheck, roomCheck } from '../../../src/health/plan/disk-room.ts';

const text = (bytes: number) => `${bytes} B`;

it.each([
  [200, 'ok'],
  [199, 'warn'],
  [100, 'warn'],
  [99, 'fail'],
  [0, 'fail'],
])('a disk with %s free, of which 100 are the reserve, is %s', (free, status) => {
  const check = roomCheck({ what: 'the database', id: 'database', free }, 100, text);
  expect(check).toMatchObject({ id: 'disk.database', status, value: free, message: expect.stringContaining(`${free} B free`) });
  expect(check.remedy === undefined).toBe(status === 'ok');
});

it.each([
  ['{"used":89,"quota":100}', 'ok'],
  ['{"used":90,"quota":100}', 'warn'],
  ['{"used":100,"quota":100}', 'fail'],
  ['{"used":0,"quota":100}\n', 'ok'],
])('uploads that take %s are %s', (answer, status) => {
  expect(quotaCheck(answer, text)).toMatchObject({ id: 'uploads.quota', status });
});

it.each(['', 'null', '{}', '{"used":"1","quota":2}', 'cannot start: x'])('an answer %j says nothing of the quota', (answer) => {
  expect(quotaCheck(answer, text)).toBeUndefined();
});

it.each([
  ['12 4096\n', 49_152],
  ['12 4096 7 100\n', 49_152],
  ['0 4096', 0],
  ['', undefined],
  ['stat: no such file', undefined],
  ['-1 4096', undefined],
])('%j of stat is %s', (answer, bytes) => {
  expect(freeSpaceOf(answer)).toBe(bytes);
});

it.each([
  ['12 4096 7 100\n', { free: 7, all: 100 }],
  ['12 4096 0 0\n', undefined],
  ['12 4096\n', undefined],
  ['', undefined],
])('%j of stat tells of inodes: %j', (answer, inodes) => {
  expect(inodesOf(answer)).toEqual(inodes);
});

it.each([
  [{ free: 50_000, all: 100_000 }, 'ok'],
  [{ free: 4000, all: 100_000 }, 'warn'],
  [{ free: 999, all: 100_000 }, 'fail'],
  [undefined, 'ok'],
])('a disk with room and inodes %j is %s', (inodes, status) => {
  expect(roomCheck({ what: 'uploads', id: 'uploads', free: 500, inodes }, 100, text).status).toBe(status);
});
