/** A command that systemd runs again and again. */
export interface Timer {
  /** Part of the units' names. */
  name: string;
  /** When (systemd.time(7), "Calendar events"). */
  calendar: string;
  /** Spread over so much time, so that many hosts do not come at once. */
  delay: string;
  command: readonly string[];
}

/** Timers that are installed together, by `medianest GROUP schedule install`. */
export interface Schedule {
  group: string;
  /** For people: "renewals, every hour". */
  what: string;
  timers: readonly Timer[];
  /** Each is run once when it is installed, so that one that would fail is seen at once. */
  runsAtInstall: boolean;
}
