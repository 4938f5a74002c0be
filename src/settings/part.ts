import type * as z from 'zod';

/** What was here before this version of the settings. */
export interface Before {
  /** A stack of the same profile was started from the state folder, and never had this secret. @throws UserError if that cannot be read */
  ranWithout(secret: string): boolean;
}

/** Why a component stays off. */
export interface Leave {
  /** What decides it, as `config show` names it: a setting, or the state folder. */
  by: string;
  /** What the operator is told; left out where the component would have nothing to do. */
  told?: { why: string; fix: string };
}

/** One top-level key of medianest.yml, declared by the service that it configures. */
export interface SettingsPart<S extends z.ZodType = z.ZodType> {
  /** The component's name, as in `components:` and on the command line. */
  readonly name: string;
  /** Its key in medianest.yml. */
  readonly key: string;
  readonly summary: string;
  /** What its key is about, where several services share it. */
  readonly keySummary?: string;
  /** Keys of the services that it does the work of in other profiles: a setting meant for one of them has its counterpart here. */
  readonly standsFor?: readonly string[];
  /** Its settings mean something where it is off too: others read them. */
  readonly settingsServeOthers?: true;
  /** Why it stays off with these settings, although a profile of medianest's own switches it on; undefined where it does not. */
  readonly leaveOff?: (settings: Readonly<Record<string, unknown>>, before: Before) => Leave | undefined;
  readonly settings: S;
}
