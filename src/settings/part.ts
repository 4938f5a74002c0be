import type * as z from 'zod';
import type { Before, Leave } from './leave-off.ts';

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
