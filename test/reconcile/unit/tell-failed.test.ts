import { expect, it } from 'vitest';
import type { Capability, FinishedUp } from '../../../src/capability/capability.ts';
import { tellFailed } from '../../../src/reconcile/beside/tell-failed.ts';

it('tells every capability of a failed up, also after one of them could not record it', async () => {
  const warned: string[] = [];
  const told: unknown[] = [];
  const run = { context: { report: { warn: (line: string) => warned.push(line) } } } as unknown as FinishedUp;
  const failure = new Error('app-1 is not healthy');
  const capabilities: Capability[] = [
    { name: 'deploy', up: { failed: async () => Promise.reject(new Error('the engine does not answer')) } },
    { name: 'waf', up: {} },
    { name: 'bans', up: { failed: async (_run, error) => void told.push(error) } },
  ];
  await tellFailed(capabilities, run, failure);
  expect(told).toEqual([failure]);
  expect(warned).toEqual([expect.stringMatching(/^deploy could not record.*the engine does not answer\n {2}Fix: /)]);
});
