// @ts-check
// Writers with their own log of what was acknowledged, and a watcher of who leads: a process of its own, so that nothing
// holds it up. Started by data-writers.ts and scripts/bench-data.mjs with fork(): options first, then questions.
import { patiently, postgresWriters } from './data-postgres.mjs';
import { redisWriters } from './data-redis.mjs';
import { watch } from './data-watcher.mjs';
import { contradictions } from './one-leader.mjs';

const WATCH = 'CREATE TABLE IF NOT EXISTS fault_watch (member text NOT NULL, at timestamptz NOT NULL DEFAULT now())';

/** @param {import('./data-writers.ts').WriterOptions} options */
async function begin({ run, postgres, members, redis }) {
  if (postgres && members) await patiently(postgres, WATCH);
  const database = postgres && (await postgresWriters(postgres, run));
  const watcher = postgres && members && watch(members, postgres);
  const cache = redis && redisWriters(redis, run);
  const counts = () => ({
    postgres: database?.log.acknowledged.length ?? 0,
    redis: cache?.logs.map(({ acknowledged }) => acknowledged.length) ?? [],
  });
  const pause = () => Promise.all([database?.stop(), watcher?.stop(), cache?.stop()]);
  const acknowledged = () => ({
    postgres: database?.log.acknowledged ?? [],
    redis: cache?.logs.flatMap((log) => log.acknowledged) ?? [],
  });
  const missing = async (/** @type {{postgres: string[], redis: string[]}} */ kept) => ({
    postgres: (await database?.missing(kept.postgres)) ?? [],
    redis: (await cache?.missing(kept.redis)) ?? [],
  });
  return {
    counts,
    rows: (/** @type {{text: string}} */ { text }) => postgres && patiently(postgres, text),
    pauseWriting: async () => {
      await pause();
      return acknowledged();
    },
    missing: (/** @type {{kept: {postgres: string[], redis: string[]}}} */ { kept }) => missing(kept),
    stop: async () => {
      await pause();
      // Before it is looked, which is no gap.
      const [written, thirds] = [database?.log.report(), cache?.logs.map((log) => log.report())];
      const lost = await missing(acknowledged());
      const report = {
        ...(database && { postgres: { ...written, lost: lost.postgres } }),
        ...(watcher && {
          leaders: {
            counts: watcher.counts,
            contradictions: contradictions([...(database?.taken ?? []), ...watcher.taken], watcher.claims),
          },
        }),
        ...(cache && { redis: { thirds, lost: lost.redis } }),
      };
      cache?.close();
      return report;
    },
  };
}

/** @type {ReturnType<typeof begin> | undefined} */
let writers;
process.on('message', async (/** @type {any} */ { options, ask, ...more }) => {
  try {
    if (options) {
      writers = begin(options);
      await writers;
      process.send?.({ answer: 'begun' });
    } else process.send?.({ answer: await /** @type {any} */ (await writers)[ask](more) }, () => ask === 'stop' && process.exit(0));
  } catch (error) {
    process.send?.({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) });
  }
});
// Whoever started it is gone: nobody will read the report.
process.on('disconnect', () => process.exit(1));
