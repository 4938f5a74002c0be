import { connectNode } from './client.ts';
import { parseView } from './plan/parse.ts';
import type { CacheConfig, NodeView, Observed, ObservedNode } from './plan/types.ts';

/**
 * Asks every node at once. @param before what was seen last: how long a node has been silent counts from there
 */
export async function observeCache(config: CacheConfig, before?: Observed): Promise<Observed> {
  const answers = await Promise.all(config.nodes.map(({ address }) => viewOf(config, address)));
  const at = performance.now();
  return {
    at,
    replicas: config.replicas,
    nodeTimeoutMs: config.nodeTimeoutMs,
    nodes: config.nodes.map(({ service, address }, index): ObservedNode => {
      const answer = answers[index] as NodeView | Error;
      if (!(answer instanceof Error)) return { service, address, view: answer, silentMs: 0 };
      const last = before?.nodes.find((node) => node.service === service);
      return {
        service,
        address,
        silence: inWords(answer),
        loading: answer.message.startsWith('LOADING'),
        silentMs: last && before && !last.view ? last.silentMs + at - before.at : 0,
      };
    }),
  };
}

async function viewOf(config: CacheConfig, address: string): Promise<NodeView | Error> {
  try {
    const link = await connectNode(config, address);
    try {
      const [nodes, cluster, replication, keyspace] = (await Promise.all([
        link.ask('CLUSTER', 'NODES'),
        link.ask('CLUSTER', 'INFO'),
        link.ask('INFO', 'replication'),
        link.ask('INFO', 'keyspace'),
      ])) as [string, string, string, string];
      return parseView({ nodes, cluster, replication, keyspace }) ?? new Error('it does not list itself');
    } finally {
      link.close();
    }
  } catch (error) {
    return error as Error;
  }
}

/** Why there is no answer, for a person. */
export function inWords({ message }: Error): string {
  const known: [RegExp, string][] = [
    [/^LOADING/, 'reading its files'],
    [/^WRONGPASS|^NOAUTH/, 'rejects the controller’s password: it has not read the new one yet'],
    [/^NOPERM/, 'rejects the controller’s commands'],
    [/ECONNREFUSED/, 'nothing listens'],
    [/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|timed out/i, 'no answer'],
    [/certificate|altnames/i, `its certificate is not accepted: ${message}`],
  ];
  return known.find(([pattern]) => pattern.test(message))?.[1] ?? message;
}
