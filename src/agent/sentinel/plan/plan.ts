import type { Asked, NodeView, Observed, SentinelCommand, SentinelPlan } from './types.ts';

/** A node that answers. */
type Speaker = Asked<NodeView> & { view: NodeView };

/** A leader that is silent for longer than this, in ms, and that the sentinels did not replace, is replaced by the controller. */
const SILENT_MS = 30_000;

const speakers = ({ nodes }: Observed): Speaker[] => nodes.filter((node): node is Speaker => node.view !== undefined);

export const quorumOf = ({ sentinels }: Pick<Observed, 'sentinels'>): number => Math.floor(sentinels.length / 2) + 1;

/** The node that most of all sentinels call the leader; undefined where they agree on none. */
export function electedOf(observed: Observed): Asked<NodeView> | undefined {
  return observed.nodes.find(
    ({ address }) => observed.sentinels.filter(({ view }) => view?.leader === address).length >= quorumOf(observed),
  );
}

/**
 * What is to be done so that one node leads, the other follows it, and every sentinel watches that leader. Sentinels elect
 * by themselves; this helps where they cannot: in the beginning, where nodes or sentinels come back without their data, and where
 * all were restarted at once. Data that a silent node may have is never given up.
 */
export function planSentinel(observed: Observed): SentinelPlan {
  const answering = observed.sentinels.filter(({ view }) => view);
  if (answering.length < quorumOf(observed)) {
    const silent = observed.sentinels.filter(({ view }) => !view).map(({ service, silence }) => `${service} (${silence})`);
    return { commands: [], problems: [`too few sentinels answer to agree on a leader: ${silent.join(', ')} do not`] };
  }
  // One that promotes a node knows more than what was seen.
  if (answering.some(({ view }) => view?.failingOver)) return { commands: [], problems: [] };
  const elected = electedOf(observed);
  const plan = elected ? withElected(observed, elected) : withoutElected(observed);
  return plan.commands.length > 0 || !elected ? plan : { ...plan, commands: watchers(observed, elected) };
}

/** Most sentinels agree on a leader. */
function withElected(observed: Observed, elected: Asked<NodeView>): SentinelPlan {
  const { view } = elected;
  const others = speakers(observed).filter(({ service }) => service !== elected.service);
  if (!view) return replacement(observed, elected, others);
  if (view.leads) return { commands: followers(elected, others), problems: [] };
  if (view.loading) return { commands: [], problems: [] };
  const leader = others.find((node) => node.view.leads && hasData(node.view));
  if (leader && (view.follows === leader.address || !hasData(view))) {
    // Sentinels that were away may outvote those that know better. While they are about to agree, the elected one is not in sync.
    if (hasData(view) && !view.linkUp) return { commands: [], problems: [] };
    const cause = `${leader.service} leads, and ${elected.service} ${hasData(view) ? 'follows it' : 'came back empty'}`;
    return { commands: watchAll(observed, leader, cause), problems: [] };
  }
  const copy = others.find((node) => hasData(node.view));
  if (hasData(view)) {
    // They are about to replace it, though it is back.
    if (copy && observed.sentinels.some((sentinel) => sentinel.view?.down)) return { commands: [], problems: [] };
    const cause = `the sentinels call ${elected.service} the leader, and it has its data`;
    return { commands: [{ kind: 'lead', at: elected.service, cause }], problems: [] };
  }
  if (copy) {
    const [first] = observed.sentinels.filter((sentinel) => sentinel.view?.leader === elected.address);
    const cause = `${elected.service} came back empty, and ${copy.service} has a copy`;
    return { commands: first ? [{ kind: 'failover', at: first.service, cause }] : [], problems: [] };
  }
  const silent = observed.nodes.filter((node) => !node.view);
  if (silent.length > 0) return { commands: [], problems: [`${elected.service} came back empty, and ${list(silent)} may have a copy`] };
  if (others.some((node) => node.view.loading)) return { commands: [], problems: [] };
  return { commands: [{ kind: 'lead', at: elected.service, cause: 'no node has any data: the cache begins empty' }], problems: [] };
}

/** The leader is silent. Sentinels replace it; where they did not, the copy is too old for them, and it is all that there is. */
function replacement(observed: Observed, elected: Asked<NodeView>, others: readonly Speaker[]): SentinelPlan {
  const heir = others.find(({ view }) => hasData(view));
  if (!heir) return { commands: [], problems: [`no other node has a copy of what ${list([elected])} has`] };
  // The controller alone may be cut off from it.
  const agreed = observed.sentinels.filter(({ view }) => view?.down).length >= quorumOf(observed);
  if (!agreed || elected.silentMs < SILENT_MS) return { commands: [], problems: [] };
  const cause = `${elected.service} is silent (${elected.silence}), and the sentinels did not replace it`;
  return {
    commands: [...(heir.view.leads ? [] : [{ kind: 'lead', at: heir.service, cause } as const]), ...watchAll(observed, heir, cause)],
    problems: [],
  };
}

/** Sentinels know no leader, or do not agree on one. */
function withoutElected(observed: Observed): SentinelPlan {
  const answering = speakers(observed);
  const leaders = answering.filter(({ view }) => view.leads);
  const [only] = leaders;
  if (only && leaders.length === 1) return { commands: watchAll(observed, only, `${only.service} leads`), problems: [] };
  const silent = observed.nodes.filter(({ view }) => !view);
  if (silent.length > 0) return { commands: [], problems: [`no leader is known, and ${list(silent)} may have the newest data`] };
  if (answering.some(({ view }) => view.loading)) return { commands: [], problems: [] };
  const [best] = [...answering].sort((a, b) => order(b) - order(a) || b.view.keys - a.view.keys || b.view.offset - a.view.offset);
  if (!best) return { commands: [], problems: [] };
  const known = answering.filter(({ view }) => hasData(view)).length > 1 ? '; it has most keys' : '';
  const cause = leaders.length > 1 ? `two nodes lead, and no sentinel knows which of them is right${known}` : `no node leads${known}`;
  const lead: SentinelCommand[] = best.view.leads ? [] : [{ kind: 'lead', at: best.service, cause }];
  const rest = answering.filter(({ service }) => service !== best.service);
  return { commands: [...lead, ...followers(best, rest, cause), ...watchAll(observed, best, cause)], problems: [] };
}

const hasData = ({ unfilled, keys }: NodeView): boolean => !unfilled || keys > 0;
const order = ({ view }: Speaker): number => Number(hasData(view));

const list = (silent: readonly Asked<NodeView>[]): string => silent.map(({ service, silence }) => `${service} (${silence})`).join(', ');

/** Those that lead too, or follow another address. */
const followers = (leader: Asked<NodeView>, others: readonly Speaker[], why?: string): SentinelCommand[] =>
  others
    .filter(({ view }) => view.follows !== leader.address)
    .map(({ service, view }) => {
      const cause = view.leads ? `${leader.service} leads by the word of the sentinels` : `it follows ${view.follows}`;
      return { kind: 'follow', at: service, leader: leader.service, cause: why ?? cause };
    });

const watchAll = (observed: Observed, leader: Asked<NodeView>, cause: string): SentinelCommand[] =>
  observed.sentinels
    .filter(({ view }) => view && view.leader !== leader.address)
    .map(({ service }) => ({ kind: 'watch', at: service, leader: leader.service, cause }));

/** Sentinels that watch nothing, or what is not there any more; two that only disagree settle that by their epochs. */
const watchers = (observed: Observed, elected: Asked<NodeView>): SentinelCommand[] =>
  observed.sentinels
    .filter(({ view }) => view && !observed.nodes.some(({ address }) => address === view.leader))
    .map(({ service }) => ({
      kind: 'watch',
      at: service,
      leader: elected.service,
      cause: `it was wiped or is new, and the others call ${elected.service} the leader`,
    }));
