import { expect, it } from 'vitest';
import { type ScaleOutcome, scaleText } from '../../../src/deploy/plan/scaled.ts';

it.each([
  ['another number', { before: 2, replicas: 4, result: 'changed' }, true, 'app: 2 -> 4 replicas in 3.5 s.'],
  ['the same number', { before: 2, replicas: 2, result: 'unchanged' }, false, 'app has 2 replicas already: nothing was changed.'],
  ['one of one', { before: 1, replicas: 1, result: 'unchanged' }, false, 'app has 1 replica already: nothing was changed.'],
  [
    'the same number after a killed run',
    { before: 2, replicas: 2, result: 'changed' },
    true,
    'app has 2 replicas already: the number was not changed; what was pending of the app and its balancer was done in 3.5 s.',
  ],
  ['a dry run', { before: 2, replicas: 4, result: 'planned' }, true, 'would scale app: 2 -> 4 replicas'],
  [
    'a dry run of the same number',
    { before: 2, replicas: 2, result: 'planned' },
    false,
    'app has 2 replicas already: nothing would be changed',
  ],
] satisfies [string, Omit<ScaleOutcome, 'service' | 'seconds'>, boolean, string][])(
  'scale tells of %s',
  (_case, outcome, pending, text) => {
    expect(scaleText({ service: 'app', seconds: 3.5, ...outcome }, pending)).toBe(text);
  },
);
