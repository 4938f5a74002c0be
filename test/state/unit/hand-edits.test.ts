import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { backup } from '../../../src/backup/capability.ts';
import { askGuards } from '../../../src/project/guards.ts';
import type { VpnPeer } from '../../../src/stack/overrides.ts';
import { refuseEdited, tellEdited } from '../../../src/state/hand-edits.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const peer: VpnPeer = { publicKey: `${'k'.repeat(42)}A=`, number: 128, role: 'member', added: '2026-11-30T12:00:00.000Z' };
const settings = load({ file: 'profile: dev-compose\ncomponents: { vpn: true }\n' });
const withPeers = (peers: Record<string, VpnPeer>) => stackOf(settings, undefined, undefined, { peers });

it('a peer is removed beside files that were edited by hand: those of other services stay, and all are kept aside', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-edits-'));
  const state = new StateFolder(root);
  state.open();
  const commit = async (peers: Record<string, VpnPeer>, only?: string[]) =>
    state.commit(rendered(withPeers(peers)), withPeers(peers), async () => {}, { only });
  const live = (service: string, name: string) => state.at('config', service, state.manifest()?.configs[service] ?? '', name);
  await commit({ phone: peer });
  const edge = live('edge', 'nginx.conf');
  appendFileSync(edge, '# mine\n');
  appendFileSync(live('vpn', 'peers'), `${peer.publicKey} 10.60.144.200 - guest\n`);
  expect(() => refuseEdited(state)).toThrow(expect.objectContaining({ code: 'HAND_EDITED' }));
  const told: string[] = [];
  tellEdited(state, { warn: (text) => told.push(text) });
  expect(told).toEqual([expect.stringMatching(/edge\/nginx\.conf.*vpn\/peers.*edited/)]);
  await commit({}, ['vpn']);
  expect(live('edge', 'nginx.conf')).toBe(edge);
  expect(readFileSync(edge, 'utf8')).toMatch(/# mine\n$/);
  expect(readFileSync(live('vpn', 'peers'), 'utf8')).toBe('');
  expect(readFileSync(state.at('edited', 'edge', 'nginx.conf'), 'utf8')).toMatch(/# mine\n$/);
  expect(readFileSync(state.at('edited', 'vpn', 'peers'), 'utf8')).toMatch(/guest\n$/);
  // The next command that changes anything else still refuses.
  expect(() => refuseEdited(state)).toThrow(expect.objectContaining({ code: 'HAND_EDITED' }));
  await commit({});
  expect(readFileSync(edge, 'utf8')).not.toMatch(/# mine/);
  rmSync(root, { recursive: true });
});

it('an interrupted restore refuses every change but one that lets someone in no more', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-guard-'));
  const state = new StateFolder(root);
  writeFileSync(path.join(root, 'restoring.json'), JSON.stringify({ parts: [], target: 'the set x', at: '2026-11-30T12:00:00Z' }));
  const context = { capabilities: async () => [backup] };
  await expect(askGuards(context, state)).rejects.toMatchObject({ code: 'PARTIAL' });
  await expect(askGuards(context, state, { removesAccess: true })).resolves.toBeUndefined();
  rmSync(root, { recursive: true });
});
