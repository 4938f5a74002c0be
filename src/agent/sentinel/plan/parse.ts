import { parseInfo } from '../../cache/plan/parse.ts';
import type { NodeView, SentinelView } from './types.ts';

/** From INFO (redis.io, commands/info). */
export function parseNode(info: string): NodeView {
  const said = parseInfo(info);
  const leads = said.role === 'master';
  const keys = Object.entries(said)
    .filter(([name]) => /^db\d+$/.test(name))
    .map(([, value]) => Number(/keys=(\d+)/.exec(value)?.[1] ?? 0));
  return {
    leads,
    ...(!leads && said.master_host !== undefined && { follows: said.master_host }),
    linkUp: said.master_link_status === 'up',
    unfilled: !leads && said.slave_priority === '0',
    loading: said.loading === '1',
    keys: keys.reduce((sum, count) => sum + count, 0),
    offset: Number((leads ? said.master_repl_offset : said.slave_repl_offset) ?? 0),
  };
}

/** From the pairs of SENTINEL MASTER (redis.io, "High availability with Redis Sentinel"); undefined where it watches nothing. */
export function parseSentinel(pairs: readonly string[] | undefined): SentinelView {
  const said: Record<string, string | undefined> = Object.fromEntries(
    Array.from({ length: Math.floor((pairs?.length ?? 0) / 2) }, (_, index) => [pairs?.[index * 2], pairs?.[index * 2 + 1]]),
  );
  const flags = said.flags?.split(',') ?? [];
  return {
    ...(said.ip && { leader: said.ip }),
    down: flags.includes('s_down') || flags.includes('o_down'),
    failingOver: flags.includes('failover_in_progress'),
    others: Number(said['num-other-sentinels'] ?? 0),
  };
}
