import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { pause, type ShipperEffects } from './log-store.ts';
import { isOld } from './plan/retention.ts';
import { segmentsOf } from './plan/segment.ts';

const LOOK_MS = 600_000;

/** While lines go elsewhere: those that were kept as files before stay for as many days as they would otherwise, and no longer. */
export async function forgetKept(folder: string, days: number, { now, tell }: ShipperEffects, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await forgetOld(folder, days, now()).then(
      () => tell('logs kept before', 'logs: files from before are removed when they are too old'),
      (error: Error) => tell('logs kept before', `logs: files from before are not removed: ${error.message}`),
    );
    await pause(LOOK_MS, signal);
  }
}

/** @param now milliseconds since 1970 */
export async function forgetOld(folder: string, days: number, now: number): Promise<void> {
  const names = await readdir(folder).catch((error: Error) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const { segments, waste } = segmentsOf(names);
  const old = segments.filter((segment) => isOld(segment, days, now));
  for (const name of [...waste, ...old.map((segment) => segment.name)]) await rm(path.join(folder, name), { force: true });
}
