import type { ContainerState } from '../engine-client.ts';

/** A member that once led and does not any more. */
export interface HungMember {
  /** Since when it has not answered, in ms; undefined while it does. */
  silentSince: number | undefined;
}

/**
 * Pure: what becomes of a member that has lost the lead. One that hangs was never touched while it led: that is for the
 * lock's time to live to decide. Once another member is the leader, no client may keep reading from it.
 */
export function judgeHung(
  seen: HungMember,
  state: ContainerState,
  answers: boolean,
  now: number,
  hungSeconds: number,
): 'well' | 'kill' | HungMember {
  if (!state.running || answers) return 'well';
  const silentSince = seen.silentSince ?? now;
  return now - silentSince >= hungSeconds * 1000 ? 'kill' : { silentSince };
}
