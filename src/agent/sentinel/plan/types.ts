/** The name under which sentinels watch the cache. */
export const WATCHED = 'cache';

/** What the controller has to know of a cache beside sentinels: plain data. Secrets are read again each time, so that a rotation needs no restart. */
export interface SentinelConfig {
  nodes: readonly { service: string; address: string }[];
  sentinels: readonly { service: string; address: string }[];
  /** Silence in ms after which a sentinel calls a node down. */
  downAfterMs: number;
  failoverTimeoutMs: number;
  user: string;
  passwordFile: string;
  /** What a sentinel logs in with at the nodes. */
  sentinelPasswordFile: string;
  caFile: string;
  certificateFile?: string;
  keyFile?: string;
}

/** What a node says of itself (INFO). */
export interface NodeView {
  leads: boolean;
  /** A follower: the address that it asks for writes. `127.0.0.1` where it waits to be told. */
  follows?: string;
  /** A follower that receives writes and has all that was there before. */
  linkUp: boolean;
  /** It began without data and was not filled since: no sentinel promotes it (`replica-priority 0`, templates/redis/image/entrypoint). */
  unfilled: boolean;
  loading: boolean;
  keys: number;
  /** Bytes of the stream of writes that it has seen. */
  offset: number;
}

/** What a sentinel says of the cache; without a leader it does not watch it yet. */
export interface SentinelView {
  /** Address of the node that it calls the leader. */
  leader?: string;
  /** It believes that this one is down. */
  down: boolean;
  failingOver: boolean;
  /** Sentinels that it knows besides itself. */
  others: number;
}

export interface Asked<V> {
  service: string;
  address: string;
  /** Undefined while it does not answer. */
  view?: V;
  /** Why there is no view, in words. */
  silence?: string;
  /** For how long, as far as the controller has observed. */
  silentMs: number;
}

export interface Observed {
  /** Milliseconds of a clock that only goes forward. */
  at: number;
  nodes: readonly Asked<NodeView>[];
  sentinels: readonly Asked<SentinelView>[];
}

/** One command to one node or sentinel. */
export type SentinelCommand = { at: string; cause: string } & (
  | { kind: 'lead' }
  | { kind: 'follow'; leader: string }
  /** A sentinel forgets what it watched, and watches this node. */
  | { kind: 'watch'; leader: string }
  /** A sentinel promotes the follower. */
  | { kind: 'failover' }
);

export interface SentinelPlan {
  /** Carried out in this order; more may follow in the next round. */
  commands: SentinelCommand[];
  /** What needs a person, or only time. */
  problems: string[];
}
