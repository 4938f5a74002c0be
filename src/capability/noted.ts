/** What the steps of a run have found, and what is told at its end. */
export interface Noted {
  /** The set that a migration can be undone by. */
  restorePoint?: string;
  /** A migration was begun: it may have changed the database, also where it has failed. */
  migrated?: true;
  /** Since when the balancer is left without a replica: milliseconds since 1970. */
  closedAt?: number;
  /** For how long it was, in all. */
  closedMs?: number;
}
