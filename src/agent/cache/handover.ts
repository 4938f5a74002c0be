import { setTimeout as sleep } from 'node:timers/promises';
import { connectNode } from './client.ts';
import { observeCache } from './observe.ts';
import { type ClusterView, followers, isMaster, type Speaker, view } from './plan/cluster-view.ts';
import { parseInfo } from './plan/parse.ts';
import { text } from './plan/ranges.ts';
import { cacheStatus } from './plan/status.ts';
import type { CacheConfig } from './plan/types.ts';

type Say = (line: string) => void;

const EVERY_MS = 100;

/** How long Redis keeps the votes of an election (cluster_legacy.c, auth_retry_time). */
const electionMs = ({ nodeTimeoutMs }: CacheConfig): number => 2 * Math.max(2 * nodeTimeoutMs, 2000);

/**
 * Before a planned stop: its replica takes over, with all that was written. Returns once the node leads nothing, or says
 * that it cannot be helped: without replicas there is no node to hand over to. @throws Error in words for a person
 */
export async function handoverCache(config: CacheConfig, service: string, say: Say = () => undefined): Promise<void> {
  const limitMs = Math.max(30_000, 4 * electionMs(config));
  const end = performance.now() + limitMs;
  let askedAt = Number.NEGATIVE_INFINITY;
  let reason = '';
  const tell = (line: string) => {
    if (line !== reason) say(line);
    reason = line;
  };
  for (; performance.now() < end; await sleep(EVERY_MS)) {
    const now = view(await observeCache(config));
    const node = now.speakers.find((speaker) => speaker.service === service);
    if (!node) throw new Error(`${service} does not answer (${silenceOf(now, service)}): it cannot hand over what it leads`);
    if (!leads(now, node)) return;
    if (config.replicas === 0) {
      say(`${service} has no replica (redisCluster.replicas: 0): slots ${text(node.self.slots)} are away while it is stopped`);
      return;
    }
    const heir = followers(now, node.view.id).find(({ view }) => view.linkUp);
    if (!heir) tell(`${service} has no replica that is up to date: waiting for one`);
    else if (performance.now() - askedAt > electionMs(config)) {
      if (await takeOver(config, heir)) {
        tell(`${heir.service} takes over from ${service}`);
        askedAt = performance.now();
      } else tell(`${heir.service} has led or started a moment ago: waiting until it can be elected again`);
    }
  }
  throw new Error(`${service} still leads after ${limitMs / 1000} s: ${reason}; nothing was stopped`);
}

/**
 * A replica that was elected a moment ago takes the old votes for new ones, believes it has won and is corrected,
 * while its master makes all clients wait for 5 s (valkey-io/valkey#1711; nor do masters vote about one master twice in
 * a row). Whether that can be shows by its link: the former leader has a new one, unless it is as new as the process itself.
 */
async function takeOver(config: CacheConfig, heir: Speaker): Promise<boolean> {
  const link = await connectNode(config, heir.address);
  try {
    const age = Number(/\bage=(\d+)/.exec(await link.ask('CLIENT', 'LIST', 'TYPE', 'master'))?.[1] ?? 0);
    const uptime = Number(parseInfo(await link.ask('INFO', 'server')).uptime_in_seconds);
    const needed = electionMs(config) / 1000;
    if (age <= needed && !(uptime - age <= 2 && age > needed / 2)) return false;
    await link.ask('CLUSTER', 'FAILOVER');
    return true;
  } finally {
    link.close();
  }
}

/** By its own word or by that of the others: it has handed over when all say so. */
const leads = (now: ClusterView, node: Speaker): boolean =>
  (isMaster(node.self) && node.self.slots.length > 0) ||
  now.speakers.some(({ view }) => view.known.some(({ id, slots }) => id === node.view.id && slots.length > 0));

const silenceOf = ({ observed }: ClusterView, service: string): string =>
  observed.nodes.find((node) => node.service === service)?.silence ?? 'it is not one of the cluster’s nodes';

/** After a start: it is a healthy member again, and a replica has caught up. @throws Error that says what is missing */
export async function settledCache(config: CacheConfig, service: string, seconds: number, say: Say = () => undefined): Promise<void> {
  const end = performance.now() + seconds * 1000;
  let last = '';
  do {
    const observed = await observeCache(config);
    const state = cacheStatus(observed)[service];
    if (!state) throw new Error(`${service} is not one of the cluster’s nodes`);
    if (state.ok) return;
    const words = Object.entries(state.details).map(([key, value]) => `${key}: ${value}`);
    if (words.join() !== last) say(`${service} does not take part yet (${words.join(', ')})`);
    last = words.join();
    await sleep(EVERY_MS * 3);
  } while (performance.now() < end);
  throw new Error(`${service} does not take part after ${seconds} s (${last.replaceAll(',', ', ')})`);
}
