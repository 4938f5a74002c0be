import { expect, it } from 'vitest';
import { somePressure } from '../../../src/host/plan/pressure.ts';

it.each([
  ['some avg10=9.69 avg60=31.29 avg300=55.35 total=13519965689\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', 9.69],
  ['some avg10=100.00 avg60=0.00 avg300=0.00 total=1\n', 100],
  ['full avg10=1.00 avg60=0.00 avg300=0.00 total=1\n', undefined],
  ['', undefined],
])('the pressure on processors is read as the kernel tells it: %j', (text, percent) => {
  expect(somePressure(text)).toBe(percent);
});
