/** What a capability knows of why services do not work, for `why`. */
export interface Clue {
  service: string;
  /** ISO 8601; null where the time is not known. */
  at: string | null;
  source: 'agent' | 'alert';
  text: string;
}

/** Whom a clue is asked about, and since when what happened may matter. */
export interface Suspicion {
  services: readonly string[];
  from: Date;
}
