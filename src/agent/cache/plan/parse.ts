import type { KnownNode, NodeView, Range } from './types.ts';

/** CLUSTER NODES (redis.io/commands/cluster-nodes): id, ip:port@busport,host, flags, master, ping, pong, epoch, link, slots. */
export function parseNodes(answer: string): KnownNode[] {
  return answer
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [id = '', endpoint = '', flags = '', master = '-', , , epoch = '0', link = '', ...slots] = line.trim().split(' ');
      return {
        id,
        address: endpoint.replace(/:\d+@.*$/, ''),
        flags: flags.split(','),
        master: master === '-' ? undefined : master,
        epoch: Number(epoch),
        connected: link === 'connected',
        // `[93-<-...]` is a slot on its way: it still counts where it is listed without brackets.
        slots: slots.filter((slot) => !slot.startsWith('[')).map(parseRange),
      };
    });
}

function parseRange(text: string): Range {
  const [first, last = first] = text.split('-');
  return [Number(first), Number(last)];
}

/** `name:value` lines of INFO and CLUSTER INFO. */
export const parseInfo = (answer: string): Record<string, string> =>
  Object.fromEntries([...answer.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));

/** @param answers of CLUSTER NODES, CLUSTER INFO, INFO replication and INFO keyspace */
export function parseView(answers: { nodes: string; cluster: string; replication: string; keyspace: string }): NodeView | undefined {
  const known = parseNodes(answers.nodes);
  const myself = known.find(({ flags }) => flags.includes('myself'));
  if (!myself) return undefined;
  const replication = parseInfo(answers.replication);
  return {
    id: myself.id,
    stateOk: parseInfo(answers.cluster).cluster_state === 'ok',
    known,
    keys: Number(/keys=(\d+)/.exec(answers.keyspace)?.[1] ?? 0),
    offset: Number(replication.slave_repl_offset ?? replication.master_repl_offset ?? 0),
    linkUp: replication.master_link_status === 'up' && replication.master_sync_in_progress !== '1',
    ...(replication.master_host !== undefined && { masterHost: replication.master_host }),
  };
}
