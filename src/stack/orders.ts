/**
 * What commands have ordered beyond medianest.yml (`maintenance on`, `scale`, `deploy`, `rollback`): kept in the state
 * folder as orders.json, and read like a setting by whatever builds a stack.
 */
export interface Orders {
  maintenance?: { message?: string; retryAfterSeconds: number; since: string };
}
