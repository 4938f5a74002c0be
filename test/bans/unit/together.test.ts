import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { together } from '../../../src/bans/enforce/together.ts';
import { poll } from '../../../src/core/poll.ts';

it('Where one of the works fails, the other does not keep a program alive that enforces nothing any more', async () => {
  let rounds = 0;
  const counts = (signal: AbortSignal) =>
    poll(
      () => {
        rounds++;
        return undefined;
      },
      { every: 5, timeout: Number.POSITIVE_INFINITY, signal },
    );
  const fails = async () => {
    await sleep(30);
    throw new Error('unexpected');
  };
  await expect(together(new AbortController().signal, [counts, fails])).rejects.toThrow('unexpected');
  const before = rounds;
  expect(before).toBeGreaterThan(0);
  await sleep(50);
  expect(rounds).toBe(before);
});
