// @ts-check
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import slotOf from 'cluster-key-slot';
// The portal's own client, as it is shipped.
import { createRedis } from '../../../templates/app/image/src/redis.js';
import { writeLog } from './acknowledged.mjs';

const SLOTS = 16_384;
const silent = /** @type {any} */ ({ info: () => undefined, warn: () => undefined });

/** @typedef {{nodes: string[], user: string, passwordFile: string, caFile: string}} Cache */

/** A name whose slot is in a third of the slots: what each of the three masters holds is told apart. */
function nameIn(/** @type {number} */ third) {
  for (let i = 0; ; i++) if (Math.floor((slotOf(`fault${i}`) * 3) / SLOTS) === third) return `{fault${i}}`;
}

/** Writers to each third of the cluster, by its own client. */
export function redisWriters(/** @type {Cache} */ cache, /** @type {string} */ run) {
  const redis = createRedis(
    /** @type {any} */ ({
      nodes: cache.nodes.map((host) => ({ host, port: 6379 })),
      username: cache.user,
      password: readFileSync(cache.passwordFile, 'utf8').trimEnd(),
      tls: { ca: readFileSync(cache.caFile, 'utf8') },
    }),
    silent,
  );
  const logs = [writeLog(), writeLog(), writeLog()];
  let going = true;
  const ended = Promise.all(
    logs.map(async (log, third) => {
      const name = nameIn(third);
      for (let i = 0; going; i++) {
        const key = `medianest:${name}:${run}:${i}`;
        const written = await Promise.race([redis.set(key, run, 'EX', 3600), sleep(1000, 'no answer in 1 s')]).catch((error) => error);
        if (written === 'OK') log.ack(key);
        else log.fail(written);
        await sleep(written === 'OK' ? 8 : 20);
      }
    }),
  );
  /** Asked again for a while: a node may just have come back. */
  const there = async (/** @type {string} */ key) => {
    for (let tries = 0; tries < 50; tries++, await sleep(200)) {
      try {
        return (await redis.exists(key)) === 1;
      } catch {}
    }
    throw new Error(`${key} cannot be asked for`);
  };
  return {
    logs,
    stop: async () => {
      going = false;
      await ended;
    },
    /** Those of the keys that the cluster does not hold. */
    missing: async (/** @type {readonly string[]} */ keys) => {
      const gone = [];
      for (let at = 0; at < keys.length; at += 200) {
        const batch = keys.slice(at, at + 200);
        const found = await Promise.all(batch.map(there));
        gone.push(...batch.filter((_, index) => !found[index]));
      }
      return gone;
    },
    close: () => redis.disconnect(),
  };
}
