// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app.js';
import { logLevel, readConfig } from './config.js';
import { createDatabase } from './database.js';
import { createDrain } from './drain.js';
import { ConfigError, describe } from './errors.js';
import { createLogger } from './logging.js';
import { createOverseerr } from './media/overseerr.js';
import { createMetrics } from './metrics.js';
import { createRedis } from './redis.js';
import { createRequestStore } from './requests/store.js';
import { createServiceProbes } from './services.js';
import { createSessions } from './sessions.js';
import { createPeople } from './sign-on/people.js';
import { createArrivals } from './tasks/arrivals.js';
import { createLanes } from './tasks/lanes.js';
import { createWorker } from './tasks/worker.js';
import { reloadPair } from './tls.js';
import { createUploadQuota } from './upload-quota.js';
import { createUploadStore } from './upload-store.js';

// Longer than any request that a deploy promises to wait for, shorter than the container's stop_grace_period (30 s).
const FORCE_MS = 27_000;
const SWEEP_MS = 600_000;

async function main() {
  const level = logLevel(process.env);
  const config = readConfig(process.env);
  const log = createLogger(level, { service: 'medianest-portal', replica: config.app.replica, version: config.app.version });
  const drain = createDrain();
  const database = createDatabase(config.database, log);
  const redis = createRedis(config.redis, log);
  const store = createUploadStore(config.uploads.path, config.uploads.reserve);
  const metrics = createMetrics();
  const tracing = config.traces && (await import('./tracing/tracing.js')).createTracing(config.traces, log, metrics);
  const requests = createRequestStore(database);
  const behind = config.signOn && behindSignOn(config, config.signOn, { database, log, metrics, requests });
  const app = await createApp({
    config,
    log,
    database,
    sessions: createSessions(redis),
    people: createPeople(database),
    requests,
    overseerr: behind?.overseerr,
    worker: behind?.worker,
    lanes: behind?.lanes ?? {},
    store,
    quota: createUploadQuota(config.uploads, database, log),
    metrics,
    drain,
    tracing,
    serviceStates: createServiceProbes(config.services),
  });

  async function stop(/** @type {string} */ signal) {
    if (drain.active) process.exit(1);
    drain.active = true;
    log.info({ signal, drainMs: config.drainMs }, 'stopping');
    setTimeout(() => process.exit(1), FORCE_MS).unref();
    // Proxies need a moment to notice that readiness fails; until then they still send requests here.
    await sleep(config.drainMs);
    await app.close();
    behind?.arrivals?.close();
    await behind?.worker.close();
    await database.close();
    redis.disconnect();
    await tracing?.close();
    log.info('stopped');
    process.exit(0);
  }
  const { tls } = config;
  // Also without TLS: the signal's default would end the process.
  process.on('SIGHUP', () => tls && reloadPair(/** @type {import('node:https').Server} */ (/** @type {unknown} */ (app.server)), tls, log));
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal));

  // Listening comes first: liveness must not depend on the database, which may come up later.
  await app.listen({ port: config.port, host: config.host });
  log.info({ port: config.port, tls: tls !== undefined }, 'listening');
  void store.sweep();
  setInterval(() => void store.sweep(), SWEEP_MS).unref();
  void database.prepare();
  behind?.worker.start();
  behind?.arrivals?.start();
}

/**
 * What a stranger must not be able to start: requests in Overseerr, and messages to people.
 * @param {import('./config.js').Config} config
 * @param {NonNullable<import('./config.js').Config['signOn']>} signOn
 * @param {Pick<import('./app.js').Parts, 'database' | 'log' | 'metrics' | 'requests'>} parts
 */
function behindSignOn({ services, channels }, { checkMs }, parts) {
  const overseerr = services.overseerr?.token ? createOverseerr(services.overseerr) : undefined;
  const lanes = createLanes(channels, overseerr);
  const worker = createWorker({ ...parts, lanes, checkMs });
  const arrivals = overseerr && createArrivals({ ...parts, overseerr, worker, lanes, checkMs });
  return { overseerr, lanes, worker, arrivals };
}

main().catch((error) => {
  const expected = error instanceof ConfigError || error.code === 'EADDRINUSE' || error.code === 'EACCES';
  createLogger('fatal', { service: 'medianest-portal' }).fatal(expected ? {} : { err: error }, `cannot start: ${describe(error)}`);
  process.exit(1);
});
