import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { UpRequest } from '../../../src/capability/capability.ts';
import { askGuards } from '../../../src/project/guards.ts';
import { stateFolder } from '../../../src/state/state.ts';
import { askFirst, besideUp } from '../../../src/storage/beside.ts';
import { storage } from '../../../src/storage/capability.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('neither an interrupted move nor locked data holds up what lets a person or a device in no more', async () => {
  const dir = temporaryFolder('storage-access');
  const state = stateFolder({ env: {}, flags: {} } as never, dir);
  state.open();
  writeFileSync(state.at('encryption-move.json'), JSON.stringify({ to: 'encrypted', folders: {}, copied: [] }));
  const context = { capabilities: async () => [storage] } as never;
  await expect(askGuards(context, state)).rejects.toMatchObject({ code: 'PARTIAL' });
  await expect(askGuards(context, state, { removesAccess: true })).resolves.toBeUndefined();
});

test('the data is unlocked for what has some, and not for a change of the VPN alone', async () => {
  const request = (only?: string[]) =>
    ({
      context: { env: {} },
      project: { loaded: { settings: { project: 'home', storage: { encrypt: true, path: '/srv' } } } },
      engine: {
        volumes: async () => {
          throw new Error('looked at');
        },
      },
      stack: {
        project: 'home',
        volumes: ['database'],
        services: [
          { name: 'vpn', component: 'vpn', mounts: [] },
          { name: 'postgres-1', component: 'database', mounts: [{ kind: 'volume', source: 'database' }] },
        ],
      },
      only,
    }) as unknown as UpRequest;
  expect(await besideUp(request(['vpn']))).toBeUndefined();
  expect(await askFirst(request(['vpn']))).toBeUndefined();
  for (const only of [undefined, ['database']]) await expect(besideUp(request(only))).rejects.toThrow('looked at');
});
