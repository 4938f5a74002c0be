import { accessSync, constants } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { nearest } from '../../host/host-storage.ts';

/** Buildx insists on a folder to write to; where the home folder is read-only or missing, it is given another one. */
export function buildxEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  if (env.BUILDX_CONFIG) return {};
  const wanted = path.join(env.DOCKER_CONFIG ?? path.join(env.HOME || os.homedir(), '.docker'), 'buildx');
  try {
    accessSync(nearest(wanted), constants.W_OK);
    return {};
  } catch {
    return { BUILDX_CONFIG: path.join(os.tmpdir(), `medianest-buildx-${process.getuid?.() ?? 0}`) };
  }
}
