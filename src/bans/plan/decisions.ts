import { UserError } from '../../core/errors.ts';
import { parseSpan } from '../../firewall/plan/addresses.ts';
import { overlap, type Target, targetOf, within } from './targets.ts';

/** One ban as CrowdSec has it. */
export interface Ban {
  address: string;
  /** The scenario that decided, without `medianest/`; or what a person has said. */
  reason: string;
  by: 'crowdsec' | 'a person' | 'the central list';
  /** ISO 8601, UTC. */
  until: string;
}

/** What a client did that counted towards a ban. */
export interface Evidence {
  time: string;
  /** `sign-in`, `waf`, `limit` or `probe`: see templates/edge-bans. */
  what: string;
  method: string;
  path: string;
  status: number;
}

/** What marks a ban that counts although the address is never banned otherwise (templates/edge-bans/config/bans.js). */
const FORCED = 'forced:';

/** All decisions: `cscli` prints a line of CSV for each. */
export const LIST = ['cscli', 'decisions', 'list', '--all', '--limit', '0', '--output', 'raw'];

export const evidenceArgv = (address: string): string[] => [
  ...['cscli', 'decisions', 'list', '--all', '--limit', '20', '--output', 'json'],
  ...['--value', address],
];

/** @param seconds how long it lasts */
export const addArgv = ({ text, scope }: Target, seconds: number, reason: string): string[] => [
  ...['cscli', 'decisions', 'add', `--${scope}`, text, '--duration', `${seconds}s`, '--reason', reason],
];

/** @param address as `bansOf` has it. By `--ip` and `--range`, `cscli` would end every wider ban too. */
export const removeArgv = (address: string): string[] => ['cscli', 'decisions', 'delete', '--value', address];

/** What a person says, on one line. @throws UserError USAGE */
export function reasonOf(typed: unknown, forced: boolean): string {
  const text = typed === undefined ? 'banned by hand' : String(typed).trim();
  if (!/^[^\p{C}]{1,200}$/u.test(text) || text.startsWith(FORCED))
    throw new UserError('USAGE', '--reason: should be one line of at most 200 characters', 'for example --reason "scrapes the catalogue"');
  return forced ? `${FORCED} ${text}` : text;
}

/** `11h46m21.89s`, `500ms`, as Go writes durations; of one that is over, nothing is left. */
export function secondsOf(text: string): number {
  const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?/.exec(text) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** The cells of a line of CSV (RFC 4180). */
const cells = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');

const byOf = (origin: string): Ban['by'] =>
  origin === 'crowdsec' ? origin : origin === 'CAPI' || origin === 'lists' ? 'the central list' : 'a person';

/** The bans in what `cscli` has printed, those that end last first; lines of its log are none. */
export function bansOf(output: string, now: Date): Ban[] {
  return output
    .split('\n')
    .filter((line) => /^\d+,/.test(line))
    .map(cells)
    .filter(([, , , , action]) => action === 'ban')
    .map(([, origin = '', source = '', reason = '', , , , , expiration = '']) => ({
      address: source.replace(/^(?:ip|range):/i, ''),
      reason: reason.replace(/^medianest\//, ''),
      by: byOf(origin),
      until: new Date(now.getTime() + secondsOf(expiration) * 1000).toISOString(),
    }))
    .sort((a, b) => (a.until < b.until ? 1 : -1));
}

/** Those bans that this address or range falls under, or that fall under it. */
export const bansAbout = (bans: readonly Ban[], target: Target): Ban[] =>
  bans.filter(({ address }) => parseSpan(address) !== undefined && overlap(targetOf(address).span, target.span));

/** Those bans that are of this address or range alone, and those of wider ranges around it. */
export function bansWithin(bans: readonly Ban[], target: Target): { within: Ban[]; around: Ban[] } {
  const about = bansAbout(bans, target);
  const isWithin = ({ address }: Ban) => within(targetOf(address).span, target.span);
  return { within: about.filter(isWithin), around: about.filter((ban) => !isWithin(ban)) };
}

interface Alert {
  events?: { meta?: { key: string; value: string }[] }[] | null;
}

/** What clients did, oldest first, out of the alerts that `cscli` has printed. */
export function evidenceOf(output: string): Evidence[] {
  const start = output.search(/^\[/m);
  if (start < 0) return [];
  const alerts = JSON.parse(output.slice(start, output.lastIndexOf(']') + 1)) as Alert[];
  return alerts
    .flatMap(({ events }) => events ?? [])
    .map(({ meta }) => Object.fromEntries((meta ?? []).map(({ key, value }) => [key, value])))
    .map(({ timestamp = '', what = '', http_verb = '', http_path = '', http_status = '' }) => ({
      time: timestamp,
      what,
      method: http_verb,
      path: http_path,
      status: Number(http_status),
    }))
    .sort((a, b) => (a.time < b.time ? -1 : 1));
}
