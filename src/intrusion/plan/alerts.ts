import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';
import { utcText } from '../../core/time.ts';

/** Lines of its log that are read: each rule of ours tells an address once a minute at most. */
export const LINES_READ = 2000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SHOWN = 3;

/** One alert of Suricata. */
interface Alert {
  /** Milliseconds since 1970. */
  at: number;
  signature: string;
  from: string;
}

/** Alerts among the lines of its log (EVE JSON of Suricata 7, `event_type: alert`); other lines are left out. */
export function alertsIn(lines: readonly string[]): Alert[] {
  return lines.flatMap((line) => {
    const event = parsed(line);
    const at = Date.parse(event?.timestamp ?? '');
    const signature = event?.alert?.signature;
    if (event?.event_type !== 'alert' || typeof signature !== 'string' || !Number.isFinite(at)) return [];
    return [{ at, signature, from: String(event.src_ip ?? 'an unknown address') }];
  });
}

interface Event {
  timestamp?: string;
  event_type?: string;
  src_ip?: string;
  alert?: { signature?: string };
}

function parsed(line: string): Event | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Event;
  } catch {
    return undefined;
  }
}

/**
 * For `health`: what was seen within the last hour, by rule, and how much within a day.
 * @param lines how many were read: where that is all that was asked for, the log may have more of the day
 * @param created when its container was made, with which its log begins; undefined where that is not known
 */
export function alertCheck(alerts: readonly Alert[], now: Date, lines: number, created: number | undefined): Check {
  const within = (time: number) => alerts.filter(({ at }) => at > now.getTime() - time);
  const recent = within(HOUR_MS);
  const id = 'intrusion';
  const least = lines >= LINES_READ ? 'at least ' : '';
  const over = (time: number, words: string) => {
    if (created === undefined) return `${words}, as far as its log goes back`;
    return created <= now.getTime() - time ? words : `since ${utcText(new Date(created))}, when its log began`;
  };
  const day = `${least}${within(DAY_MS).length} ${over(DAY_MS, 'within a day')}`;
  if (recent.length === 0)
    return { id, status: 'ok', message: `Suricata has seen no attack in dmz ${over(HOUR_MS, 'for an hour')}; ${day}`, value: 0 };
  const signatures = [...new Set(recent.map(({ signature }) => signature))].map((signature) => {
    const own = recent.filter((alert) => alert.signature === signature);
    const sources = [...new Set(own.map(({ from }) => from))];
    return { signature, count: own.length, from: `${sources.slice(0, 2).join(', ')}${sources.length > 2 ? ' and others' : ''}` };
  });
  const shown = signatures
    .sort((a, b) => b.count - a.count)
    .slice(0, SHOWN)
    .map(({ signature, count, from }) => `${signature} (${count}, from ${from})`);
  const more = signatures.length > SHOWN ? [`and ${plural(signatures.length - SHOWN, 'more rule')}`] : [];
  return {
    id,
    status: 'warn',
    message: `${plural(recent.length, 'alert')} of Suricata within an hour: ${[...shown, ...more].join('; ')}; ${day}`,
    remedy: 'medianest logs suricata shows each; medianest bans add ADDRESS refuses an address at the edge',
    value: recent.length,
  };
}

/** Its log cannot be read: whether it has seen something is not known. */
export const unreadAlerts = (problem: string): Check => ({
  id: 'intrusion',
  status: 'warn',
  message: `whether Suricata has seen an attack cannot be told: ${problem}`,
  remedy: 'medianest logs suricata',
});
