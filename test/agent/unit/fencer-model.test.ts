import { describe, expect, it } from 'vitest';
import { explore, type World } from '../../support/data/fencer-model.ts';

const world: World = { members: 2, lives: 2, revisions: 4, synchronous: false, pauses: true, staleReads: true, fencer: 'right' };

describe('the fencer, in every interleaving', { timeout: 120_000 }, () => {
  it.each([
    ['two members, by readings of the lock that may be old', {}],
    ['three members', { members: 3, revisions: 3, pauses: false, staleReads: false }],
    ['two members whose leases run out while they are paused', { synchronous: true, revisions: 2, staleReads: false }],
  ] satisfies [string, Partial<World>][])('makes no two leaders of %s', (_name, more) => {
    const { states, violation } = explore({ ...world, ...more });
    expect(violation).toBeUndefined();
    // The search is no empty one.
    expect(states).toBeGreaterThan(10_000);
  });

  it.each([
    ['deletes whatever lock it finds', 'no-compare'],
    ['compares the holder and not the revision', 'compare-holder-only'],
    ['takes a paused member for a dead one', 'paused-is-dead'],
    ['proves the death before it reads the lock', 'proof-before-read'],
  ] as const)('would make two leaders if it %s', (_name, fencer) => {
    const { violation } = explore({ ...world, fencer });
    expect(violation).toContain('the fencer releases');
    expect(violation?.at(-1)).toMatch(/^\d (promotes|goes on)$/);
  });

  it('is not what keeps the members apart: without it there are no two leaders either', () => {
    expect(explore({ ...world, fencer: 'none' }).violation).toBeUndefined();
  });
});
