/** What a container is to the stack, whichever component fills that place. */
export type Role =
  | 'edge'
  | 'balancer'
  | 'application'
  | 'database'
  | 'coordination'
  | 'cache'
  | 'identity'
  | 'repository'
  | 'agent'
  | 'alerting'
  | 'monitoring'
  | 'bastion'
  | 'vpn';

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

/** How a replica is taken out of a balancer and put back. */
export interface Rolling {
  /** The Compose service of the balancer. */
  balancer: string;
  /** Where the balancer finds it: `10.0.0.101:3000`. */
  address: string;
  /** What the balancer asks it: `/api/health/ready` answers 200 while it can serve. */
  readyPath: string;
  /** Whether it is spoken to over TLS. */
  tls: boolean;
  /** How long its requests may take to finish. */
  drainSeconds: number;
  /** How long it must stay ready before the next one is touched. */
  settleSeconds: number;
  /** How another release takes its place; one replica after the other where it is not said. */
  strategy?: 'recreate' | 'blue-green';
  /** By which statuses it is ready, where that is not 200 alone. */
  readyStatuses?: number[];
  /** What a new container has to pass before its first visitor. */
  smoke?: Smoke;
  /** For how long the errors of a new release are watched once it serves. */
  watchSeconds?: number;
}

/** Requests to a new container, through its own address, and a program in it. */
export interface Smoke {
  paths: string[];
  /** Statuses that a path may be answered with. */
  statuses: number[];
  /** Run in the container, has to exit with 0; empty for none. */
  command: string[];
  /** For all of it. */
  seconds: number;
}
