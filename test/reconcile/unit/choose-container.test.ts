import { describe, expect, it } from 'vitest';
import { firstOf } from '../../../src/reconcile/choose-container.ts';

const container = (service: string, state: 'running' | 'exited' = 'running') => ({ service, state });

describe('the container that exec goes to', () => {
  const named = ['postgres-1', 'postgres-2'];
  const both = [container('postgres-1'), container('postgres-2')];
  it.each([
    ['the leader', ['postgres-2'], both, 'postgres-2'],
    ['the first that runs where no leader is known', [], both, 'postgres-1'],
    ['one that runs', [], [container('postgres-1', 'exited'), container('postgres-2')], 'postgres-2'],
    ['no leader that does not run', ['postgres-1'], [container('postgres-1', 'exited'), container('postgres-2')], 'postgres-2'],
    ['the first where none runs, so that Compose says so', [], [], 'postgres-1'],
  ])('is %s', (_what, leaders, containers, chosen) => {
    expect(firstOf(named, leaders, containers)).toBe(chosen);
  });
});
