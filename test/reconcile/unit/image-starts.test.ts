import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Context } from '../../../src/capability/capability.ts';
import { UserError } from '../../../src/core/errors.ts';
import type { Engine } from '../../../src/docker/types.ts';
import { prepare } from '../../../src/reconcile/prepare.ts';
import { registry } from '../../../src/services/index.ts';
import { HOME } from '../../support/cli.ts';
import { load } from '../../support/settings.ts';

it('a plan is not made of an image that the engine did not tell of, and files are rendered all the same', async () => {
  const loaded = load({ file: stringify({ app: { image: 'mine:1' } }), flags: { profile: 'dev-compose' } });
  const state = mkdtempSync(path.join(os.tmpdir(), 'medianest-starts-'));
  const failed = new UserError('ENGINE_FAILED', 'the engine does not answer in time', 'run the same command again');
  const engine = { imageStart: () => Promise.reject(failed) } as unknown as Engine;
  const context = {
    ...{ home: HOME, cwd: state, env: {}, version: '0.0.0', flags: { state }, clock: { now: () => new Date() } },
    registry: async () => registry,
    capabilities: async () => [],
    engine: async () => engine,
  } as unknown as Context;
  const { stack } = await prepare(context, loaded, { unchecked: true });
  expect(stack.services.find(({ role }) => role === 'application')?.unread).toBe('health');
  await expect(prepare(context, loaded, { unchecked: true, present: { engine, containers: [] } })).rejects.toBe(failed);
});
