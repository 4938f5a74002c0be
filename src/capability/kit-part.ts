import type { Secret } from '../core/secret.ts';

/** What a capability adds to the recovery kit. */
export interface KitPart {
  /** What the secret is of: another one makes an older kit stale. */
  id: string;
  secret: Secret;
}
