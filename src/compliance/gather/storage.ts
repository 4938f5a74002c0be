import path from 'node:path';
import type { Seen as Looked } from '../../capability/capability.ts';
import { exists } from '../../core/files.ts';
import { storageOf } from '../../host/host-storage.ts';
import type { StorageFacts } from '../../host/plan/facts.ts';
import { volumeName } from '../../stack/labels.ts';
import { mountsOf, outlives } from '../../stack/storage.ts';
import type { Stack } from '../../stack/types.ts';
import { hasStorage, placesOf } from '../../storage/store.ts';
import type { DataEvidence } from '../plan/evidence.ts';
import { someOf, Unseen } from './attempt.ts';

/** The file system of a folder. @throws Unseen */
export function storage(folder: string): StorageFacts {
  const found = folder ? storageOf(folder) : undefined;
  if (!found) throw new Unseen(`the file system of ${folder || 'the engine'} cannot be seen`);
  return found;
}

/**
 * Where the data of the containers is: where the engine has a volume, or the folder that it is bound to. Without its key an encrypted folder
 * has no names that can be found, and the nearest folder above them is the encrypted one.
 * @param rootDir where the engine keeps volumes
 */
export async function readDataStorage({ project, engine, containers }: Looked, stack: Stack, rootDir: string): Promise<DataEvidence> {
  const elsewhere = new Set(
    stack.volumes
      .filter((volume) => outlives(stack, volume) || mountsOf(stack, volume).some(({ nfs }) => nfs))
      .map((volume) => volumeName(stack.project, volume)),
  );
  const known = new Map((await engine.volumes()).map((volume) => [volume.name, volume]));
  const at = new Map<string, StorageFacts>();
  const storageAt = (folder: string): StorageFacts => {
    const facts = at.get(folder) ?? storage(folder);
    at.set(folder, facts);
    return facts;
  };
  const mounted = [...new Set(someOf(containers).flatMap(({ volumes }) => volumes))].filter((name) => !elsewhere.has(name));
  const volumes = mounted.sort().map((name) => {
    const volume = known.get(name);
    if (!volume) throw new Unseen(`the engine does not tell of the volume ${name}`);
    const { device } = volume;
    if (device !== undefined && !path.isAbsolute(device)) throw new Unseen(`the volume ${name} is on ${device}`);
    return { name, storage: storageAt(device ?? rootDir) };
  });
  return { volumes, keyBeside: hasStorage(project) ? keyBeside(placesOf(project).keyFile, volumes) : undefined };
}

function keyBeside(file: string, volumes: DataEvidence['volumes']): string | undefined {
  if (!exists(file)) return undefined;
  const { point, encryption } = storage(file);
  if (encryption.state === 'encrypted') return undefined;
  return volumes.some(({ storage: { point: other } }) => other === point) ? file : undefined;
}
