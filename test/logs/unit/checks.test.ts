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

it('lines that are kept as files while Elasticsearch is left out are not said to be in it', async () => {
  const { manifest, project } = seen('profile: prod\nobservability: full\n');
  const status = { at: '2026-11-30T04:00:00.000Z', up: true, dropped: { buffer: 0, refused: 0 }, unread: {}, bytes: 0, lagSeconds: 0 };
  const checks = await logChecks({
    project,
    manifest: { ...manifest, leftOut: [{ service: 'elasticsearch', image: 'elasticsearch:9', without: 'search' }] },
    containers: [{ id: 'a', state: 'running', volumes: [`${project.loaded.settings.project}_logs`] }],
    engine: { exec: async () => ({ exitCode: 0, output: JSON.stringify(status) }) },
    context: { clock: { now: () => new Date(status.at) } },
  } as unknown as Seen);
  expect(checks).toEqual([expect.objectContaining({ status: 'ok', message: 'logs are stored (files)' })]);
});
