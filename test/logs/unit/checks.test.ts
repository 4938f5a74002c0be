import { expect, it } from 'vitest';
import type { Seen } from '../../../src/capability/capability.ts';
import { logChecks } from '../../../src/logs/checks.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

/** What health sees of a stack that was rendered, before any container of it is looked at. */
function seen(file: string): Seen {
  const loaded = load({ file });
  const stack = stackOf(loaded);
  return { project: { loaded }, manifest: toManifest(rendered(stack), stack), containers: [] } as unknown as Seen;
}

it('a store without an agent is told, and no store needs none', async () => {
  expect(await logChecks(seen('profile: dev\nlogs: { store: files }\n'))).toEqual([
    expect.objectContaining({
      id: 'logs',
      status: 'warn',
      message: expect.stringContaining('no agent'),
      remedy: expect.stringContaining('agent: true'),
    }),
  ]);
  expect(await logChecks(seen('profile: dev\n'))).toEqual([]);
  // That the agent does not run is told by the check of its container.
  expect(await logChecks(seen('profile: prod\n'))).toEqual([]);
});
