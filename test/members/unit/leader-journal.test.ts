import { afterEach, expect, it } from 'vitest';
import { forgetChange, interruptedFrom, noteChange } from '../../../src/members/leader-journal.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const root = temporaryFolder('leader');
const state = new StateFolder(root);
const at = new Date('2026-03-01T10:00:00Z');
const later = (minutes: number) => new Date(at.getTime() + minutes * 60_000);
afterEach(() => forgetChange(state));

it('tells a run after a killed one who was to give up the lead, for ten minutes', () => {
  expect(interruptedFrom(state, at)).toBeUndefined();
  noteChange(state, 'postgres-1', at);
  expect([0, 9, 10].map((minutes) => interruptedFrom(state, later(minutes)))).toEqual(['postgres-1', 'postgres-1', undefined]);
});
it('tells nothing after one that has ended, where none led, or where the clock was put back', () => {
  noteChange(state, 'postgres-1', at);
  expect(interruptedFrom(state, later(-1))).toBeUndefined();
  forgetChange(state);
  noteChange(state, null, at);
  expect(interruptedFrom(state, at)).toBeUndefined();
});
