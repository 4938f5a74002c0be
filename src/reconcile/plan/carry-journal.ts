/** `carry.json`: data that is on its way to where the stack reads it. Without it, a killed run could be taken for a finished one. */
export interface CarryJournal {
  /** The volumes of the project's name before, or the database of another kind of store. */
  kind: 'rename' | 'database';
  /** That name; or the volume, without the project's name. */
  from: string;
  /** Verified copies: volume -> when it was made. One that was made again is another. */
  copied: Readonly<Record<string, string>>;
}
