import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../../src/backup/capability.ts';
import { newPlace } from '../../../src/backup/restore/disk-space.ts';
import type { Project } from '../../../src/capability/capability.ts';
import type { DockerCli } from '../../../src/docker/compose.ts';
import type { ObservedVolume } from '../../../src/docker/types.ts';
import { createVolumeIn, removeVolumes } from '../../../src/docker/volume.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { noteMove, readMove } from '../../../src/storage/move-journal.ts';
import { giveUp, partOf, refuseOthers } from '../../../src/storage/move-remains.ts';
import { FORMAT, type Header, identifierOf, wrap } from '../../../src/storage/plan/header.ts';
import { refusePreviews, remainsOf, removeStorage } from '../../../src/storage/remove.ts';
import { forgetKeys, newSlot, readKeys, readRecord, writeKeys, writeRecord } from '../../../src/storage/store.ts';

let root: string;
let state: StateFolder;

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'medianest-storage-remains-'));
  state = new StateFolder(path.join(root, 'state'));
  mkdirSync(state.root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (...names: string[]) => path.join(root, ...names);
const project = (name: string): Project =>
  ({
    state,
    loaded: { root, settings: { project: name, storage: { encrypt: true, path: root, unlock: 'file', keyFile: 'shared.key' } } },
  }) as unknown as Project;

/** A header with one slot of a key file, and what the key file has of it. */
function made(name: string): { header: Header; keys: Record<string, string> } {
  const key = Buffer.alloc(64, name);
  const secret = Buffer.alloc(32, name);
  const slot = wrap(key, 'file', secret, newSlot());
  return {
    header: { format: FORMAT, project: name, key: identifierOf(key), slots: [slot] },
    keys: { [slot.id]: secret.toString('base64') },
  };
}

test('what is left of the name before is removed without the encrypted folder and the key of the name now', () => {
  const { header, keys } = made('home');
  mkdirSync(at('home/data/volumes/database'), { recursive: true });
  writeKeys(at('shared.key'), keys);
  writeRecord(state, { folder: at('home'), key: header.key, header });
  expect(remainsOf(project('old'))).toEqual([]);
  removeStorage(project('old'));
  expect([existsSync(at('home/data/volumes/database')), existsSync(at('shared.key'))]).toEqual([true, true]);
  expect(readRecord(state)?.folder).toBe(at('home'));
  expect(remainsOf(project('home'))).toEqual([at('home'), at('shared.key')]);
});

test('what is removed with its volumes is refused while a preview has data in it', async () => {
  const { header } = made('home');
  writeRecord(state, { folder: at('home'), key: header.key, header });
  const volume = {
    name: 'look_files',
    device: at('home/data/volumes/look_files'),
    labels: { 'io.medianest.project': 'look', 'io.medianest.preview': 'x' },
  };
  const engine = (volumes: ObservedVolume[]) => ({ volumes: async () => volumes });
  await expect(refusePreviews(project('home'), engine([volume]))).rejects.toMatchObject({
    code: 'FOREIGN_STATE',
    hint: expect.stringContaining('medianest preview remove look'),
  });
  for (const other of [
    { ...volume, device: '/srv/other/data/volumes/look_files' },
    { ...volume, labels: {} },
  ])
    await expect(refusePreviews(project('home'), engine([other]))).resolves.toBeUndefined();
});

test('a key file keeps what opens the data of other projects', () => {
  const [home, other] = [made('home'), made('other')];
  writeKeys(at('shared.key'), { ...home.keys, ...other.keys });
  forgetKeys(at('shared.key'), home.header);
  expect(readKeys(at('shared.key'))).toEqual(other.keys);
  forgetKeys(at('shared.key'), other.header);
  expect(existsSync(at('shared.key'))).toBe(false);
});

test('data that goes with its volumes takes an interrupted move along, so that the next stack starts', () => {
  const { header, keys } = made('home');
  writeKeys(at('shared.key'), keys);
  // Its disk was replaced.
  writeRecord(state, { folder: at('home'), key: header.key, header });
  noteMove(state, { to: 'encrypted', folders: { home_database: at('home/data/volumes/database') }, copied: [] });
  removeStorage(project('home'));
  expect([readMove(state), readRecord(state), existsSync(at('shared.key'))]).toEqual([undefined, undefined, false]);
});

test('a move out of the folder is refused while other data is in it, and one into it that is given up leaves no copy', () => {
  const within = at('volumes');
  for (const name of ['database', 'empty', 'home-look_files', 'uploads']) mkdirSync(path.join(within, name), { recursive: true });
  for (const name of ['database', 'home-look_files', 'uploads']) writeFileSync(path.join(within, name, 'file'), '');
  const journal = { to: 'plain', folders: { home_database: path.join(within, 'database') }, copied: [] } as const;
  expect(() => refuseOthers(within, journal)).toThrow(`${path.join(within, 'home-look_files')}, ${path.join(within, 'uploads')} hold data`);
  const folders = { ...journal.folders, ...{ home_uploads: path.join(within, 'uploads'), look: path.join(within, 'home-look_files') } };
  expect(() => refuseOthers(within, { ...journal, folders })).not.toThrow();

  const into = { to: 'encrypted', folders: { home_database: path.join(within, 'database') }, copied: [] } as const;
  mkdirSync(partOf(path.join(within, 'database')));
  noteMove(state, into);
  giveUp(state, into);
  expect(readdirSync(within)).toEqual(['database', 'empty', 'home-look_files', 'uploads']);
  expect(readMove(state)).toBeUndefined();
});

test('an interrupted restore does not keep the data locked: both would wait for each other', async () => {
  writeFileSync(
    state.at('restoring.json'),
    JSON.stringify({ set: '1', target: 'set 1', parts: [], touched: [], at: '2026-11-30T12:00:00Z' }),
  );
  await expect(backup.guard(state, { resumes: 'storage' })).rejects.toMatchObject({ code: 'PARTIAL' });
  await expect(backup.guard(state, { resumes: 'storage', keepsData: true })).resolves.toBeUndefined();
});

test('the space for what is restored beside the stack is that of the disk that it comes to', () => {
  expect(newPlace({})).toMatchObject({ source: '', kind: 'volume' });
  expect(newPlace({ encryptedIn: '/srv/home/data/volumes' })).toMatchObject({
    source: '/srv/home/data/volumes',
    kind: 'bind',
    readOnly: true,
  });
});

test('a volume for a piece of work begins empty, and one that is in use keeps its folder', async () => {
  const within = at('data/volumes');
  const folder = path.join(within, 'home-drill_files');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'of a killed run'), '');
  let volumes: string[] = [];
  let inUse = true;
  const docker = {
    run: async ([, verb]: string[]) => {
      const ended = { exitCode: 0, stdout: `${volumes.join('\n')}\n`, tail: [] };
      if (verb === 'create') volumes = ['home-drill_files'];
      if (verb === 'inspect') return { ...ended, stdout: `home-drill_files ${folder}\n` };
      if (verb === 'rm') return inUse ? { ...ended, exitCode: 1 } : ended;
      return ended;
    },
  } as unknown as DockerCli;
  await createVolumeIn(within, 'home-drill_files', {}, docker);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(path.join(folder, 'of a container'), '');
  await removeVolumes(['home-drill_files'], docker);
  expect(readFileSync(path.join(folder, 'of a container'), 'utf8')).toBe('');
  inUse = false;
  await removeVolumes(['home-drill_files'], docker);
  expect(existsSync(folder)).toBe(false);
});
