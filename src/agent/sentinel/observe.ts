import { connectNode, type NodeLink } from '../cache/client.ts';
import { inWords } from '../cache/observe.ts';
import { parseNode, parseSentinel } from './plan/parse.ts';
import { type Asked, type Observed, type SentinelConfig, WATCHED } from './plan/types.ts';

const SENTINEL_PORT = 26_379;

/** Opens a connection to a sentinel. @throws Error where there is none to be had */
export const connectSentinel = (config: SentinelConfig, address: string): Promise<NodeLink> => connectNode(config, address, SENTINEL_PORT);

/**
 * Asks every node and every sentinel at once. @param before what was seen last: how long one has been silent counts from there
 */
export async function observeSentinel(config: SentinelConfig, before?: Observed): Promise<Observed> {
  const [nodes, sentinels] = await Promise.all([
    Promise.all(config.nodes.map(({ address }) => answer(connectNode(config, address), nodeView))),
    Promise.all(config.sentinels.map(({ address }) => answer(connectSentinel(config, address), sentinelView))),
  ]);
  const at = performance.now();
  const since = before && at - before.at;
  return {
    at,
    nodes: config.nodes.map((member, index) => asked(member, nodes[index] as Answer<typeof nodeView>, before?.nodes, since)),
    sentinels: config.sentinels.map((member, index) =>
      asked(member, sentinels[index] as Answer<typeof sentinelView>, before?.sentinels, since),
    ),
  };
}

type Answer<F extends (link: NodeLink) => Promise<unknown>> = Awaited<ReturnType<F>> | Error;

const nodeView = async (link: NodeLink) => parseNode(await link.ask('INFO'));

const sentinelView = async (link: NodeLink) =>
  parseSentinel(
    await link.list('SENTINEL', 'MASTER', WATCHED).catch((error: Error) => {
      if (/No such master/i.test(error.message)) return undefined;
      throw error;
    }),
  );

async function answer<V>(opening: Promise<NodeLink>, look: (link: NodeLink) => Promise<V>): Promise<V | Error> {
  try {
    const link = await opening;
    try {
      return await look(link);
    } finally {
      link.close();
    }
  } catch (error) {
    return error as Error;
  }
}

function asked<V>(
  { service, address }: { service: string; address: string },
  view: V | Error,
  before: readonly Asked<V>[] | undefined,
  sinceMs: number | undefined,
): Asked<V> {
  if (!(view instanceof Error)) return { service, address, view, silentMs: 0 };
  const last = before?.find((member) => member.service === service);
  return { service, address, silence: inWords(view), silentMs: last && !last.view ? last.silentMs + (sinceMs ?? 0) : 0 };
}
