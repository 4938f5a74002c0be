import type { MemberState } from '../stack/member.ts';

/** Tells what is waited for. */
export type Say = (what: string) => void;

/** What a change of leader is asked for. */
export interface WantedLeader {
  /** The member that is to lead; the best one where undefined. */
  to?: string | undefined;
  /** The member that is to give up the lead: if another one leads, the change has happened. The present leader where undefined. */
  from?: string | undefined;
  /** A failover although the leader answers. */
  force?: boolean | undefined;
}

/** `unchanged`: the wanted leader leads already. */
export type LeaderOutcome = 'changed' | 'unchanged';

/** It was refused, and nothing was changed. Its message is for a person. */
export class Refused extends Error {}

/**
 * Observes one group of members and acts on it (src/agent/README.md). Where something cannot be done, it throws an
 * Error whose message is for a person.
 */
export interface Group {
  readonly name: string;
  /** The services that belong to it. */
  readonly members: readonly string[];
  /** Of all members, those too that do not answer. */
  status(): Promise<Record<string, MemberState>>;
  /** Who leads, or may, where several lead; otherwise `status` tells (plan/heal.ts, `mayLead`). */
  leaders?(): Promise<string[]>;
  /** Before a planned stop: hands what a member leads to another. */
  handover(service: string, say: Say): Promise<void>;
  /** After a member has come back: waits until it is a healthy member again and is not behind. */
  settled(service: string, seconds: number, say: Say): Promise<void>;
  /** Planned and unplanned changes of leader, if the group has one leader. */
  switchover?(wanted: WantedLeader, say: Say): Promise<LeaderOutcome>;
  failover?(wanted: WantedLeader, say: Say): Promise<LeaderOutcome>;
  /** Keeps the group together: run by the agent every few seconds. Gives back what was done. */
  round?(): Promise<string[]>;
}
