import { expect, it } from 'vitest';
import type { Execution } from '../../../src/capability/capability.ts';
import { countBefore } from '../../../src/deploy/watch.ts';
import { load, stackOf } from '../../support/settings.ts';

const stack = stackOf(load({ file: 'app: { image: "x:1", watchSeconds: 60 }', flags: { profile: 'prod' } }));

/** A run whose balancer gives this answer. */
function run(output: string, exitCode = 0) {
  const warned: string[] = [];
  const engine = { observe: async () => [{ id: 'b', service: 'balancer', state: 'running' }], exec: async () => ({ exitCode, output }) };
  const context = { report: { warn: (text: string) => warned.push(text) }, signal: new AbortController().signal };
  return { warned, execution: { engine, context, prepared: { project: 'p' } } as unknown as Execution };
}

it('a release is not watched where it cannot be told what the one before had', async () => {
  const silent = run('', 1);
  expect(await countBefore(stack, stack, silent.execution)).toBeUndefined();
  expect(silent.warned).toEqual([expect.stringMatching(/the new one is not watched: balancer did not say/)]);
});

it('what the one before had is the sum over its replicas', async () => {
  const { warned, execution } = run('# pxname,svname,hrsp_2xx,hrsp_5xx\napp,app-1,90,10\napp,app-9,5,5\napp,BACKEND,95,15\n');
  expect(await countBefore(stack, stack, execution)).toEqual({ requests: 100, errors: 10, share: 0.1 });
  expect(warned).toEqual([]);
});
