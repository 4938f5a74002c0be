import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Seen } from '../../../src/capability/capability.ts';
import { readDataStorage, storage } from '../../../src/compliance/gather/storage.ts';
import { load, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Volumes as an engine tells of them: the folder that one is bound to, if it is. */
function seen(volumes: Record<string, string | undefined>, unlock = 'file') {
  const dir = temporaryFolder('data-storage');
  const file = `project: shop\ncomponents: { backup: true }\nstorage: { encrypt: true, path: ${dir}, unlock: ${unlock}, keyFile: key }\n`;
  const loaded = { ...load({ flags: { profile: 'dev-compose' }, file }), root: dir };
  const project = { loaded, state: { at: (...parts: string[]) => path.join(dir, 'state', ...parts) } };
  const engine = { volumes: async () => Object.entries(volumes).map(([name, device]) => ({ name, labels: {}, device })) };
  const containers = [{ volumes: Object.keys(volumes) }, { volumes: Object.keys(volumes).slice(0, 1) }];
  return { dir, stack: stackOf(loaded), looked: { project, engine, containers } as unknown as Seen };
}

it('Data is judged where it is: in the folder of a volume, or else where the engine keeps it; a repository has its own encryption', async () => {
  const { dir, stack, looked } = seen({ 'shop_postgres-1': '/proc/self', shop_own: undefined, shop_backups: undefined });
  const { volumes, keyBeside } = await readDataStorage(looked, stack, dir);
  expect(volumes.map(({ name, storage: { point } }) => [name, point])).toEqual([
    ['shop_own', storage(dir).point],
    ['shop_postgres-1', '/proc'],
  ]);
  expect(keyBeside).toBeUndefined();
});

it('A locked folder, whose names the kernel does not know, is judged by the nearest one that is there', async () => {
  const { dir, stack, looked } = seen({ 'shop_postgres-1': '/dev/shm/none/data/volumes/postgres-1' });
  expect((await readDataStorage(looked, stack, dir)).volumes[0]?.storage.point).toBe('/dev/shm');
});

it('A key on the file system of the data is told, one on another is not', async () => {
  const { dir, stack, looked } = seen({ 'shop_postgres-1': undefined });
  writeFileSync(path.join(dir, 'key'), '');
  const beside = storage(dir).encryption.state === 'encrypted' ? undefined : path.join(dir, 'key');
  expect((await readDataStorage(looked, stack, dir)).keyBeside).toBe(beside);
  expect((await readDataStorage(looked, stack, '/dev/shm')).keyBeside).toBeUndefined();
});

it('What cannot be told is no answer: a volume that the engine does not name, or one on another machine', async () => {
  const { dir, stack, looked } = seen({ 'shop_postgres-1': ':/export/data' });
  await expect(readDataStorage(looked, stack, dir)).rejects.toThrow('the volume shop_postgres-1 is on :/export/data');
  const none = { ...looked, engine: { volumes: async () => [] } } as unknown as Seen;
  await expect(readDataStorage(none, stack, dir)).rejects.toThrow('the engine does not tell of the volume shop_postgres-1');
  await expect(readDataStorage({ ...looked, containers: [] }, stack, dir)).rejects.toThrow('nothing of this stack runs');
});
