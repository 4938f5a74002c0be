import type { Settings } from '../settings/schema.ts';
import type { Role } from '../stack/types.ts';

/** A command that is run again and again: by systemd, or by medianest's own runner (`medianest jobs`). */
export interface Timer {
  /** What `jobs.times` calls it; part of the units' names. */
  name: string;
  /** When, where `jobs.times` says nothing else: five fields of cron (core/cron.ts). */
  cron: string;
  /** Spread over so many seconds, so that many hosts do not come at once. */
  jitter: number;
  command: readonly string[];
  /** How long a run may take at most (systemd.time(7)); twelve hours where nothing is said. */
  longest?: string;
}

/** Timers that are installed together, by `medianest GROUP schedule install`. */
export interface Schedule {
  group: string;
  /** For people: "renewals, every hour". */
  what: string;
  timers: readonly Timer[];
  /** Each is run once when it is installed, so that one that would fail is seen at once. */
  runsAtInstall: boolean;
  /** Only projects with a service of this role have something to do. */
  role?: Role;
  /** Only projects of whose settings this says so; all where nothing is said. */
  asked?(settings: Settings): boolean;
}
