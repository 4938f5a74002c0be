/** Rules that the edge needs and that are not in the state folder yet. */
export interface PendingRules {
  digest: string;
  /** Absolute. */
  folder?: string | undefined;
  /** Absolute, or an https address. */
  archive?: string | undefined;
  sha256?: string | undefined;
}
