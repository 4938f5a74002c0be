import { setTimeout as sleep } from 'node:timers/promises';
import type { Say } from './group.ts';

/**
 * Waits until `problem` has none to tell, and says each that is new.
 * @throws Error with the last problem, once the time is over
 */
export async function until(seconds: number, problem: () => Promise<string | undefined>, say: Say): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (let told: string | undefined; ; ) {
    const found = await problem().catch((error: Error) => error.message);
    if (found === undefined) return;
    if (performance.now() >= deadline) throw new Error(`after ${seconds} s ${found}`);
    if (found !== told) say(found);
    told = found;
    await sleep(500);
  }
}
