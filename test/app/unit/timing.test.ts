import { expect, it } from 'vitest';
import { within } from '../../../templates/app/image/src/timing.js';

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

it('gives what comes in time, or why it does not come, and leaves no timer', async () => {
  const before = timers();
  expect(await within(60_000, Promise.resolve(7))).toBe(7);
  await expect(within(60_000, Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(timers()).toBe(before);
});

it('waits no longer, and what fails afterwards ends nothing', async () => {
  let fail: (error: Error) => void = () => {};
  await expect(within(20, new Promise((_resolve, reject) => (fail = reject)))).rejects.toThrow('no answer within 0.02 s');
  fail(new Error('too late'));
  await new Promise(setImmediate);
});
