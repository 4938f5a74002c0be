import { describe, expect, it } from 'vitest';
import type { Release } from '../../../src/deploy/plan/releases.ts';
import {
  builderOf,
  type Disk,
  type DiskHealing,
  describeDisk,
  describeLastLook,
  hasEnough,
  lowDisks,
  pastReleases,
  reasonOf,
  writerOf,
} from '../../../src/healing/plan/disk.ts';

const MIB = 1024 ** 2;
const disk = (free: number | null, id: Disk['id'] = 'engine'): Disk => ({
  id,
  what: id === 'engine' ? 'the engine’s disk' : 'the disk of the state folder',
  free,
});

describe('a disk', () => {
  it('is low below the reserve, and one that cannot be asked is not', () => {
    const disks = [disk(99 * MIB), disk(100 * MIB), disk(null, 'state')];
    expect(lowDisks(disks, 100 * MIB)).toEqual([disk(99 * MIB)]);
  });
  it('has enough again at twice the reserve; nothing more goes where that cannot be told', () => {
    expect([hasEnough(199 * MIB, 100 * MIB), hasEnough(200 * MIB, 100 * MIB), hasEnough(null, 100 * MIB)]).toEqual([false, true, true]);
  });
});

describe('names of past releases', () => {
  const release = (id: string, result: Release['result']) => ({ id, result, imageId: id }) as Release;
  const images = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'rx', 'r2-backend', 'r3-backend', 'r33-'].map((id) => ({
    ref: `medianest/home-release:${id}`,
    id,
  }));
  const all = [...images, { ref: 'medianest/home2-release:r1', id: 'other' }, { ref: 'medianest/edge:aaaaaaaaaaaa', id: 'edge' }];
  const past = (releases: Release[], ordered?: string) =>
    pastReleases(all, releases, 'medianest/home-release:', ordered).map(({ ref }) => ref.split(':')[1]);
  it('are those that left the list or never served; not what is deployed, under way or ordered', () => {
    const releases = [release('r2', 'deployed'), release('r3', 'reverted'), release('r4', 'failed'), release('r5', 'running')];
    expect(past(releases, 'r6')).toEqual(['r1', 'r3', 'r4', 'r3-backend']);
  });
  it('are none where the list is not there: it cannot be told then', () => expect(past([])).toEqual([]));
});

describe('what a process has left', () => {
  it('says its number', () => {
    expect([builderOf('medianest/edge:aaaaaaaaaaaa-building-17'), builderOf('medianest/edge:aaaaaaaaaaaa')]).toEqual([17, undefined]);
    expect([writerOf('releases.json.4711.tmp'), writerOf('releases.json'), writerOf('notes.tmp')]).toEqual([4711, undefined, undefined]);
  });
});

describe('what is told', () => {
  const image = {
    kind: 'image' as const,
    name: 'medianest/edge:aaaaaaaaaaaa',
    on: 'engine' as const,
    why: 'no container, release or lock needs this image',
  };
  const found: DiskHealing = {
    at: '2026-11-30T04:00:00.000Z',
    healing: 'act',
    reserve: 1024 * MIB,
    disks: [disk(300 * MIB), disk(null, 'state')],
    removed: [],
    dispensable: [],
    stays: [],
    busy: false,
  };
  const last = (more: Partial<DiskHealing>) => describeDisk({ ...found, ...more }).at(-1);
  it('names each disk, also one that cannot be asked', () => {
    expect(describeDisk(found)[0]).toBe(
      'the engine’s disk: 300 MiB free; the disk of the state folder: cannot be told (diskReserve 1.0 GiB)',
    );
  });
  it('ends with the verdict', () => {
    expect(last({})).toMatch(/nearly full, and nothing of medianest’s own is left/);
    expect(last({ dispensable: [image] })).toBe('the engine’s disk: nearly full, and 1 thing of medianest’s own could go');
    expect(last({ busy: true, dispensable: [image] })).toMatch(/another command works/);
    expect(last({ healing: 'off' })).toMatch(/agent.healing is off/);
    expect(last({ disks: [disk(3000 * MIB)] })).toBe('nothing to do');
    expect(last({ disks: [disk(3000 * MIB)], removed: [{ ...image, freed: MIB }] })).toBe('there is enough space again');
  });
  it('does not say that nothing is to do where a disk cannot be asked', () => {
    const told = 'whether the disk of the state folder is nearly full cannot be told: nothing more is removed';
    expect(last({ disks: [disk(3000 * MIB), disk(null, 'state')] })).toBe(told);
  });
  it('says why in the audit log, with the space that there was', () => {
    expect(reasonOf(image, found.disks, found.reserve)).toBe(
      'no container, release or lock needs this image; the engine’s disk had 300 MiB free, less than diskReserve (1.0 GiB)',
    );
  });
  it('is short in `agent status`: what went last, and what could go', () => {
    const removed = [
      { ...image, freed: 80 * MIB },
      { ...image, freed: null, problem: 'a container uses it' },
    ];
    expect(describeLastLook({ ...found, removed, dispensable: [image] })).toEqual([
      'Disks, as of 2026-11-30 04:00:00 UTC: the engine’s disk: 300 MiB free; the disk of the state folder: cannot be told (diskReserve 1.0 GiB)',
      '  removed medianest/edge:aaaaaaaaaaaa: no container, release or lock needs this image (80 MiB more free)',
      '  medianest/edge:aaaaaaaaaaaa stays: a container uses it',
      '  could go: medianest/edge:aaaaaaaaaaaa (no container, release or lock needs this image)',
    ]);
  });
});
