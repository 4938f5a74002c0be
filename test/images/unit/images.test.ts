import { describe, expect, it } from 'vitest';
import { lockChanges, neededRefs, prunable } from '../../../src/images/store/images.ts';
import { load, stackOf } from '../../support/settings.ts';

const stack = stackOf(load({ flags: { profile: 'prod' } }));
const edge = stack.services.find(({ name }) => name === 'edge')?.image.ref as string;

describe('images that nothing uses', () => {
  const image = (ref: string, id = ref) => ({ ref, id });
  it('are ours by name and label, and neither the stack’s, a container’s nor a release’s', () => {
    const images = [
      image(edge),
      image('medianest/edge:aaaaaaaaaaaa'),
      image('medianest/app:bbbbbbbbbbbb', 'released'),
      image('medianest/home-release:r1', 'released'),
      image('medianest/redis:cccccccccccc', 'running'),
      image('theirs/redis:dddddddddddd'),
      image('medianest/edge:mine'),
      image('medianest/edge:eeeeeeeeeeee-building-17'),
      image('<none>:<none>'),
    ];
    expect(prunable(images, new Set(['running']), stack).map(({ ref }) => ref)).toEqual([
      'medianest/edge:aaaaaaaaaaaa',
      'medianest/edge:eeeeeeeeeeee-building-17',
    ]);
  });
  it('leave those that others are built upon', () => {
    const parents = stack.images.flatMap(({ build }) => (build?.after ? [image(build.after.ref)] : []));
    expect(parents.length).toBeGreaterThan(0);
    expect(prunable(parents, new Set(), stack)).toEqual([]);
  });
});

it('saves every image that a container is started from, once', () => {
  expect(neededRefs(stack)).toContain(edge);
  expect(new Set(neededRefs(stack)).size).toBe(neededRefs(stack).length);
});

it('tells a changed image by its packages', () => {
  const lock = (id: string, packages: Record<string, string>) => ({
    medianest: '1',
    profile: 'p',
    images: {
      edge: {
        ref: 'e',
        id,
        packages: Object.fromEntries(Object.entries(packages).map(([name, version]) => [name, { version, architecture: 'all' }])),
      },
    },
  });
  expect(lockChanges(lock('1', { a: '1' }), lock('1', { a: '1' }))).toEqual([]);
  expect(lockChanges(lock('1', { a: '1', b: '1' }), lock('2', { a: '2', c: '1' }))).toEqual([
    'edge is another image: a 1 -> 2, b 1 -> none, c none -> 1',
  ]);
  expect(lockChanges(lock('1', {}), lock('2', {}))).toEqual(['edge is another image, with the same packages']);
  expect(lockChanges({ ...lock('1', {}), images: {} }, lock('1', {}))).toEqual(['edge is new']);
  expect(lockChanges(lock('1', {}), { ...lock('1', {}), images: {} })).toEqual(['edge is no longer part of the stack']);
});
