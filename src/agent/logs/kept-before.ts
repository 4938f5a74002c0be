import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { pause, type ShipperEffects } from './log-store.ts';
import { isOld } from './plan/retention.ts';
import { segmentsOf } from './plan/segment.ts';

const LOOK_MS = 600_000;

/** While lines go elsewhere: those that were kept as files before stay for as many days as they would otherwise, and no longer. How much that is is told. */
export async function forgetKept(folder: string, days: number, { now, tell, tally }: ShipperEffects, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await forgetOld(folder, days, now()).then(
      (bytes) => {
        tally.keptBefore = bytes;
        tell('logs kept before', 'logs: files from before are removed when they are too old');
      },
      (error: Error) => tell('logs kept before', `logs: files from before are not removed: ${error.message}`),
    );
    await pause(LOOK_MS, signal);
  }
}

/** @param now milliseconds since 1970 @returns bytes of the files that stay */
export async function forgetOld(folder: string, days: number, now: number): Promise<number> {
  const names = await readdir(folder).catch((error: Error) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const { segments, waste } = segmentsOf(names);
  const old = segments.filter((segment) => isOld(segment, days, now));
  for (const name of [...waste, ...old.map((segment) => segment.name)]) await rm(path.join(folder, name), { force: true });
  const kept = segments.filter((segment) => !old.includes(segment));
  const sizes = await Promise.all(kept.map(async ({ name }) => (await stat(path.join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
