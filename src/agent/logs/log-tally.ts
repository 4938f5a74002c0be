/** What the shipper counts from the agent's start on, and how it stands. */
export interface LogTally {
  /** Lines that are on disk. */
  kept: number;
  /** Lines that the store has acknowledged; of files, the same. */
  shipped: number;
  /** Lines that are lost, by reason: the buffer was full, the store refused them, or their container was gone. */
  dropped: { buffer: number; refused: number };
  /** Lines that were sent again, because the store was away or too busy. */
  retried: number;
  /** Services whose lines the engine does not give, and why. */
  unread: Record<string, string>;
  /** Lines of which only the beginning was kept. */
  cut: number;
  /** What is kept of lines here, in bytes: of files all of them, otherwise those that the store does not have yet. */
  bytes: number;
  /** Of lines that were kept as files before they went to a store: they are in none. */
  keptBefore: number;
  /** Spans that were made of lines: those that the collector took, and those that it did not. */
  spans: { sent: number; dropped: number };
  /** How long the oldest line waits that is not stored, in seconds. */
  lagSeconds: number;
  /** Whether the last attempt to store lines succeeded. */
  up: boolean;
  /** Why not, or what the store refused while it took lines. */
  problem: string | undefined;
}

export const newLogTally = (): LogTally => ({
  kept: 0,
  shipped: 0,
  dropped: { buffer: 0, refused: 0 },
  retried: 0,
  unread: {},
  cut: 0,
  bytes: 0,
  keptBefore: 0,
  spans: { sent: 0, dropped: 0 },
  lagSeconds: 0,
  up: true,
  problem: undefined,
});
