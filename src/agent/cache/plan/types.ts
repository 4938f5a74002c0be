/** Slots from the first to the last, both included. */
export type Range = readonly [first: number, last: number];

export const SLOTS = 16_384;
export const MASTERS = 3;

/** What the controller has to know of the cluster: plain data. Files are read anew each time, so that a rotation needs no restart. */
export interface CacheConfig {
  /** The containers that are to be the cluster. The first three are its first masters. */
  nodes: readonly { service: string; address: string }[];
  /** Replicas of each master. */
  replicas: number;
  nodeTimeoutMs: number;
  user: string;
  passwordFile: string;
  caFile: string;
  /** A certificate to show; nodes ask for none. */
  certificateFile?: string;
  keyFile?: string;
}

/** One line of CLUSTER NODES: what a node believes about one of the cluster's members, itself included. */
export interface KnownNode {
  id: string;
  /** Empty where it knows none. */
  address: string;
  flags: readonly string[];
  master: string | undefined;
  epoch: number;
  connected: boolean;
  slots: readonly Range[];
}

/** What a node that answers says. */
export interface NodeView {
  id: string;
  stateOk: boolean;
  known: readonly KnownNode[];
  keys: number;
  /** How much of its master's writes it has; a master: how many there were. */
  offset: number;
  /** A replica that receives its master's writes and has all that was there before. */
  linkUp: boolean;
  /** A replica: the address at which it asks its master for them. */
  masterHost?: string;
}

export interface ObservedNode {
  service: string;
  address: string;
  /** Undefined while it does not answer. */
  view?: NodeView;
  /** Why there is no view, in words. */
  silence?: string;
  /** It answers, but is still reading its files: its data will be there in a moment. */
  loading?: boolean;
  /** For how long, as far as the controller has watched. */
  silentMs: number;
}

export interface Observed {
  /** Milliseconds of a clock that only goes forward. */
  at: number;
  replicas: number;
  nodeTimeoutMs: number;
  nodes: readonly ObservedNode[];
}

/** One command to one node. `at` is the service that it is given to. */
export type CacheCommand = { at: string; cause: string } & (
  | { kind: 'set-epoch'; epoch: number }
  | { kind: 'take-slots'; slots: readonly Range[] }
  | { kind: 'meet'; address: string }
  | { kind: 'failover'; how: 'FORCE' | 'TAKEOVER' }
  | { kind: 'replicate'; master: string }
  | { kind: 'forget'; id: string }
);

export interface CachePlan {
  /** Carried out in this order; more may follow in the next round. */
  commands: CacheCommand[];
  /** What needs a person, or only time. */
  problems: string[];
}
