import { UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import { durationOf } from '../../core/time.ts';

/** What a silence is about: an alert by its name, all of one cause, or all of one container. */
export type SilenceLabel = 'alertname' | 'cause' | 'instance';

export interface Silence {
  id: string;
  label: SilenceLabel;
  value: string;
  /** ISO 8601. */
  until: string;
  why: string;
  by: string;
}

/** What is known of the names that may be silenced. */
export interface Silenceable {
  alerts: readonly string[];
  causes: readonly string[];
  services: readonly string[];
}

const LONGEST_SECONDS = 30 * 86_400;

/** Which of its three meanings a name has; a cause comes before a service of the same name. @throws UserError USAGE */
export function labelOf(name: string, { alerts, causes, services }: Silenceable): SilenceLabel {
  if (alerts.includes(name)) return 'alertname';
  if (causes.includes(name)) return 'cause';
  if (services.includes(name)) return 'instance';
  throw new UserError(
    'USAGE',
    `there is no alert, cause or service ${JSON.stringify(name)}; ${didYouMean(name, [...alerts, ...causes, ...services])}`,
    `medianest alerts shows what fires; causes are ${causes.join(', ')}`,
  );
}

/** @throws UserError USAGE */
export function silenceUntil(option: string, text: string, now: Date): Date {
  const seconds = durationOf(option, text);
  if (seconds < 60 || seconds > LONGEST_SECONDS)
    throw new UserError('USAGE', `${option} ${text}: should be between one minute and 30 days`, `for example ${option} 2h`);
  return new Date(now.getTime() + seconds * 1000);
}

/** @throws UserError USAGE */
export function whyOf(text: unknown): string {
  const why = typeof text === 'string' ? text.trim() : '';
  if (why !== '') return why.slice(0, 500);
  throw new UserError('USAGE', '--why is missing: others should know why they are not told', 'for example --why "the disk is replaced"');
}

export const isLive = ({ until }: Silence, now: Date): boolean => Date.parse(until) > now.getTime();

export const isSilenced = (alert: { id: string; cause: string; instance?: string }, silences: readonly Silence[], now: Date): boolean =>
  silences.some(
    (silence) =>
      isLive(silence, now) && silence.value === { alertname: alert.id, cause: alert.cause, instance: alert.instance ?? '' }[silence.label],
  );
