import { describe, expect, it } from 'vitest';
import type { ObservedVolume } from '../../../src/docker/types.ts';
import { composeServices } from '../../../src/reconcile/plan/change.ts';
import { abandonedVolumes, leftBehind, leftBehindText, renamedAway, renameRefusal } from '../../../src/reconcile/plan/left-data.ts';
import { COMPOSE_FILE } from '../../../src/stack/render.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = (profile: string, file?: string) => stackOf(load({ ...(file !== undefined && { file }), flags: { profile } }));
const abandoned = (from: ReturnType<typeof stack>, to: ReturnType<typeof stack>) =>
  abandonedVolumes(composeServices(rendered(from).files.find(({ path }) => path === COMPOSE_FILE)?.contents), to);
const volume = (project: string, name: string, labels: Record<string, string> = {}): ObservedVolume => ({
  name: `${project}_${name}`,
  labels: { 'io.medianest.project': project, ...labels },
});

describe('volumes that nothing reads any more', () => {
  it('are those of the store that goes, not those that the other one reads too', () => {
    const [compose, staging] = [stack('dev-compose'), stack('staging')];
    expect(abandoned(compose, staging)).toEqual(['postgres-data', 'redis-data']);
    expect(abandoned(staging, stack('staging', 'components: { redis-cluster: false, redis: true }'))).toEqual(
      ['redis-1-data', 'redis-2-data', 'redis-3-data'].concat(staging.volumes.filter((name) => /^redis-[4-9]-data$/.test(name))),
    );
    expect(abandoned(staging, staging)).toEqual([]);
  });
  it('are none of a group that shrinks', () => {
    expect(abandoned(stack('prod'), stack('staging')).filter((name) => /^(redis|postgres|etcd)-/.test(name))).toEqual([]);
  });
  it('count where they are there, and are our own', () => {
    const names = ['postgres-data', 'redis-data', 'uploads'];
    const there = [
      volume('home', 'postgres-data'),
      { name: 'home_redis-data', labels: { 'com.docker.compose.project': 'home' } },
      volume('home', 'uploads', { 'io.medianest.preview': 'home' }),
    ];
    expect(leftBehind(names, 'home', there)).toEqual(['postgres-data']);
  });
  it('are told in words', () => {
    expect(leftBehindText([])).toBeUndefined();
    expect(leftBehindText(['postgres-data', 'redis-data'])).toMatch(
      /^Data that does not come along: postgres-data, redis-data\. These volumes stay/,
    );
    expect(leftBehindText(['postgres-data'])).toContain('This volume stays, and nothing reads it any more');
  });
});

describe('a project that has another name than before', () => {
  const a = ['postgres-data', 'redis-data', 'uploads'].map((name) => volume('a', name));
  it('would begin without the volumes of the old name', () => {
    expect(renamedAway('a', 'b', a)).toEqual(['a_postgres-data', 'a_redis-data', 'a_uploads']);
  });
  it('begins without those that it does not have itself', () => {
    expect(renamedAway('a', 'b', [...a, volume('b', 'postgres-data'), volume('b', 'uploads')])).toEqual(['a_redis-data']);
    expect(renamedAway('a', 'b', [...a, ...['postgres-data', 'redis-data', 'uploads'].map((name) => volume('b', name))])).toEqual([]);
  });
  it.each([
    ['the name is the same', 'b', [volume('b', 'uploads')]],
    ['nothing was started before', undefined, a],
    ['the old name has no volume', 'a', [volume('c', 'uploads')]],
    [
      'they are of a preview or a job',
      'a',
      [volume('a', 'x', { 'io.medianest.preview': 'a' }), volume('a', 'y', { 'io.medianest.job': 'e' })],
    ],
    ['medianest did not make them', 'a', [{ name: 'a_uploads', labels: {} }]],
  ])('begins as always where %s', (_why, recorded, volumes) => {
    expect(renamedAway(recorded, 'b', volumes)).toEqual([]);
  });
  it('is refused with both ways', () => {
    const error = renameRefusal('a', 'b', '/srv/.medianest', ['a_1', 'a_2', 'a_3', 'a_4', 'a_5']);
    expect(error).toMatchObject({
      code: 'FOREIGN_STATE',
      message:
        '/srv/.medianest is the state folder of the project a, whose data is in 5 volumes (a_1, a_2, a_3, a_4 and 1 more); b would begin without it; nothing was changed',
      hint: expect.stringMatching(/--project a;.*medianest up --new-data$/),
    });
  });
});
