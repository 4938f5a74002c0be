// @ts-check
/**
 * Runs jobs in their order, as many at once as there are lanes; one that is `alone` has all lanes.
 * @template {{ alone: boolean }} Job
 * @param {readonly Job[]} jobs
 * @param {number} lanes
 * @param {{ mayStart(job: Job): boolean, run(job: Job): Promise<unknown>, leave(job: Job): void }} how
 */
export async function pool(jobs, lanes, { mayStart, run, leave }) {
  /** @type {Set<Promise<unknown>>} */
  const running = new Set();
  for (const job of jobs) {
    while (running.size >= (job.alone ? 1 : lanes)) await Promise.race(running);
    // Asked when there is a lane for it, not before: time has passed.
    if (!mayStart(job)) {
      leave(job);
      continue;
    }
    const going = run(job).finally(() => running.delete(going));
    running.add(going);
    if (job.alone) await going;
  }
  await Promise.all(running);
}
