/** What the steps of a run have found, and what is told at its end. */
export interface Noted {
  /** The set that a migration can be undone by. */
  restorePoint?: string;
  /** When the balancer was left without a replica, and when it had one again: milliseconds since 1970. */
  closedAt?: number;
  openedAt?: number;
}
