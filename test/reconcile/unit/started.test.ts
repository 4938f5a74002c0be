import { expect, it } from 'vitest';
import { judgeStart, LOOK_MS, type Started, settledIn } from '../../../src/reconcile/plan/started.ts';

const calm: Started = { restarts: 0, noticed: 0, upSeconds: 60, well: true, settleSeconds: 0 };

it.each<[string, Partial<Started>, string]>([
  ['runs', {}, 'proven'],
  ['has only just answered, and is given its time', { upSeconds: 1, settleSeconds: 5 }, 'wait'],
  ['has stayed for its time', { upSeconds: 5, settleSeconds: 5 }, 'proven'],
  ['has ended once', { restarts: 1, upSeconds: 1 }, 'wait'],
  ['has ended once, and runs for a while, but not long enough', { restarts: 1, noticed: 1, upSeconds: 9 }, 'wait'],
  ['has ended once and then stays', { restarts: 1, noticed: 1, upSeconds: 10 }, 'proven'],
  ['has ended once and does not get well', { restarts: 1, noticed: 1, upSeconds: 30, well: false }, 'wait'],
  ['ends again while it is looked at', { restarts: 2, noticed: 1, upSeconds: 0 }, 'failed'],
])('a container that %s', (_case, more, verdict) => {
  expect(judgeStart({ ...calm, ...more })).toBe(verdict);
});

it('is looked at again when its time is over, and every half second at the latest', () => {
  expect([settledIn(0, 3), settledIn(2.4, 3), settledIn(2.75, 3), settledIn(3, 3), settledIn(4, 3)]).toEqual([
    LOOK_MS,
    LOOK_MS,
    270,
    20,
    20,
  ]);
});
