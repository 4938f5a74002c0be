/**
 * One of several containers that hold the same data, one of which leads. Its keeper is a program in another container
 * that knows the whole group (docs/architecture.md, "The keeper").
 */
export interface Member {
  /** Those that belong together: `database`, `cache`, `coordination`. */
  group: string;
  /** The Compose service whose `/usr/local/bin/keeper` is asked. */
  keeper: string;
  /** Tells the group, through its leader, the settings that all members share; so each that starts anew starts with them. */
  share?: string[];
}

/** What a member says of itself and the others. */
export interface MemberState {
  role: 'leader' | 'replica' | 'unknown';
  /** Takes part: it answers, and its data is not behind. */
  ok: boolean;
  /** For people, in this order: `{ timeline: 3, lag: '0 B' }`. */
  details: Record<string, string | number>;
}
