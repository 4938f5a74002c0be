// A client that knows neither clusters nor sentinels, where the application runs: one URL from its secret, the portal's options. It
// writes for so many seconds, then says which acknowledged writes are there.
//   node --input-type=module - SECONDS [wait]    `wait`: a write counts once the follower has it (WAIT 1)
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { Redis } = createRequire('/app/package.json')('ioredis');
const [seconds = '10', how] = process.argv.slice(2);
const redis = new Redis(readFileSync(process.env.REDIS_URL_FILE, 'utf8').trim(), {
  ...{ tls: { ca: readFileSync(process.env.REDIS_TLS_CA_FILE) }, connectTimeout: 2000, commandTimeout: 1500 },
  ...{ maxRetriesPerRequest: 1, enableOfflineQueue: false, retryStrategy: (times) => Math.min(times * 200, 2000) },
});
redis.on('error', () => {});
await new Promise((resolve) => redis.once('ready', resolve));
console.log('begun');

const run = Date.now().toString(36);
const acknowledged = [];
let [longestGapMs, last, refused] = [0, performance.now(), 0];
const end = performance.now() + Number(seconds) * 1000;

async function write(key) {
  if (how !== 'wait') return (await redis.set(key, 'x')) === 'OK';
  const [written, copies] = await Promise.all([redis.set(key, 'x'), redis.call('WAIT', '1', '500')]);
  return written === 'OK' && Number(copies) >= 1;
}

await Promise.all(
  [0, 1, 2, 3].map(async (writer) => {
    for (let i = 0; performance.now() < end; i++) {
      const key = `medianest:written:${run}:${writer}:${i}`;
      if (await write(key).catch(() => false)) {
        acknowledged.push(key);
        longestGapMs = Math.max(longestGapMs, performance.now() - last);
        last = performance.now();
      } else refused++;
      await sleep(3);
    }
  }),
);
longestGapMs = Math.max(longestGapMs, performance.now() - last);
let lost = 0;
for (let i = 0; i < acknowledged.length; i += 500) {
  const part = acknowledged.slice(i, i + 500);
  let found;
  // The leader may have been replaced a moment ago.
  for (let tries = 1; found === undefined; tries++) {
    found = await redis.mget(part).catch((error) => {
      if (tries === 10) throw error;
    });
    if (found === undefined) await sleep(1000);
  }
  lost += found.filter((value) => value === null).length;
}
console.log(JSON.stringify({ acknowledged: acknowledged.length, lost, refused, longestGapMs: Math.round(longestGapMs) }));
redis.disconnect();
