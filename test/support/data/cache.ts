import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import { vi } from 'vitest';
import { describeCommand } from '../../../src/agent/cache/perform.ts';
import { share } from '../../../src/agent/cache/plan/ranges.ts';
import { cacheStatus } from '../../../src/agent/cache/plan/status.ts';
import { type CacheConfig, MASTERS, type Observed, SLOTS } from '../../../src/agent/cache/plan/types.ts';
import { cacheRound } from '../../../src/agent/cache/round.ts';
import { docker } from '../cli.ts';
import type { Workspace } from '../workspace.ts';

// The portal's own client, as it is shipped.
const shipped = new URL('../../../templates/app/image/src/redis.js', import.meta.url).href;
const { createRedis } = (await import(shipped)) as { createRedis: (config: object, log: object) => Cluster };

/** The cluster of a workspace, from this host: an internal network is reachable from it by address. */
export function cacheOf(workspace: Workspace, addresses: readonly string[]) {
  const secret = (name: string) => path.join(workspace.state, 'secrets/redis-1', name);
  const caFile = path.join(workspace.state, 'ca/trust/internal-ca.pem');
  const config: CacheConfig = {
    nodes: addresses.map((address, index) => ({ service: `redis-${index + 1}`, address })),
    replicas: addresses.length / MASTERS - 1,
    nodeTimeoutMs: 2000,
    user: 'keeper',
    passwordFile: secret('redis-keeper-password'),
    caFile,
  };
  const client = (slot: 'a' | 'b' = 'a') =>
    createRedis(
      {
        nodes: config.nodes.map(({ address }) => ({ host: address, port: 6379 })),
        username: 'medianest',
        password: readFileSync(secret(`redis-password-${slot}`), 'utf8'),
        tls: { ca: readFileSync(caFile, 'utf8') },
      },
      { info: () => undefined, warn: () => undefined },
    );
  return { config, caFile, client };
}

/** The controller's loop, as the agent runs it. */
export function startKeeper(config: CacheConfig, everyMs = 1000) {
  const log: string[] = [];
  let observed: Observed | undefined;
  let running = true;
  const loop = (async () => {
    while (running) {
      const round = await cacheRound(config, observed);
      observed = round.observed;
      for (const { command, refused } of round.performed)
        log.push(`${describeCommand(command)}: ${command.cause}${refused ? ` (${refused})` : ''}`);
      log.push(...round.problems);
      await sleep(everyMs);
    }
  })();
  const status = () => (observed ? cacheStatus(observed) : {});
  return {
    log,
    status,
    observed: () => observed,
    leaders: () => Object.entries(status()).flatMap(([service, { role }]) => (role === 'leader' ? [service] : [])),
    /** Until every node takes part and knows no stranger. */
    whole: (timeout = 30_000) => {
      const since = performance.now();
      return vi.waitFor(
        () => {
          if (!observed || observed.at < since) throw new Error('not looked yet');
          const states = Object.values(status());
          const strangers = observed.nodes.some(({ view }) => view?.known.length !== config.nodes.length);
          if (states.length === 0 || strangers || states.some(({ ok }) => !ok))
            throw new Error(`not whole: ${JSON.stringify(status())}\n${log.join('\n')}`);
        },
        { timeout, interval: 100 },
      );
    },
    stop: async () => {
      running = false;
      await loop;
    },
  };
}

/** The slot of a key: CRC16 (XMODEM) of what is between the first braces, or of all of it. */
function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(/\{(.+?)\}/.exec(key)?.[1] ?? key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % SLOTS;
}

export const thirdOf = (key: string): number =>
  [0, 1, 2].find((third) => {
    const [first, last] = share(third, MASTERS);
    return slotOf(key) >= first && slotOf(key) <= last;
  }) as number;

/** A key in each third of the slots. */
export const keyIn = (third: number, name: string): string => {
  for (let i = 0; ; i++) {
    const key = `medianest:${name}:${i}`;
    if (thirdOf(key) === third) return key;
  }
};

/** Writes to each third for as long as `during` takes; the longest time without an acknowledged write, in each. */
export async function gaps(redis: Cluster, during: () => Promise<unknown>) {
  const longest = [0, 0, 0];
  const acknowledged: string[] = [];
  let running = true;
  const writers = longest.map(async (_, third) => {
    // The last one is waited for: a gap ends with a write.
    for (let i = 0, last = performance.now(), answered = false; running || !answered; i++) {
      const key = `{${keyIn(third, 'write')}}:${i}`;
      const written = await Promise.race([redis.set(key, 'x', 'EX', 600), sleep(1000)]).catch(() => undefined);
      answered = written === 'OK';
      if (answered) {
        acknowledged.push(key);
        longest[third] = Math.max(longest[third] as number, performance.now() - last);
        last = performance.now();
      }
      await sleep(5);
    }
  });
  await during();
  await sleep(300);
  running = false;
  await Promise.all(writers);
  return { longest: longest.map((ms) => Math.round(ms)), acknowledged };
}

export const container = (workspace: Workspace, service: string) => `${workspace.project}-${service}-1`;

/** Changes files of a node that does not run, as the node's own user. */
export async function onVolume(workspace: Workspace, service: string, script: string): Promise<string> {
  const image = (await docker(['inspect', '--format', '{{.Config.Image}}', container(workspace, service)])).stdout.trim();
  const volume = `${workspace.project}_${service}-data:/var/lib/redis`;
  const result = await docker(['run', '--rm', '--network', 'none', '--entrypoint', 'bash', '--volume', volume, image, '-euc', script]);
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout;
}
