/** What a container is to the stack, whichever component fills that place. */
export type Role =
  | 'edge'
  | 'balancer'
  | 'application'
  | 'database'
  | 'coordination'
  | 'cache'
  | 'repository'
  | 'agent'
  | 'alerting'
  | 'monitoring';

/**
 * One of several containers with the same data, one of which is the leader. Its controller is a program in another container
 * that knows the whole group (src/agent/README.md).
 */
export interface Member {
  /** Those that belong together: `database`, `cache`, `coordination`. */
  group: string;
  /** The Compose service whose `clusterctl` is asked. */
  controller: string;
  /** Gives the group, through its leader, the settings that all members share, so that each member starts with them. */
  share?: string[];
}

/** What a member says of itself and the others. */
export interface MemberState {
  /** `witness`: it has no data, and takes part in elections. */
  role: 'leader' | 'replica' | 'witness' | 'unknown';
  /** A healthy member: it answers, and its data is not behind. */
  ok: boolean;
  /** For people, in this order: `{ timeline: 3, lag: '0 B' }`. */
  details: Record<string, string | number>;
}
