import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';

/** What the program that keeps bans in the firewall says of itself, in the state folder. */
export interface Enforced {
  /** When kernel and CrowdSec were alike last, in ISO 8601; null for never. */
  at: string | null;
  /** When it looked last. */
  looked: string;
  count: number;
  leftOut: number;
  problem: string;
  /** What is wrong with the logs of the host. */
  logs: string;
}

/** @returns undefined where it is no such text */
function enforcedOf(text: string): Enforced | undefined {
  try {
    const { at = null, looked, count, leftOut = 0, problem = '', logs = '' } = JSON.parse(text) as Partial<Enforced>;
    if (typeof looked !== 'string' || !Number.isFinite(Date.parse(looked)) || typeof count !== 'number') return undefined;
    return { at, looked, count, leftOut, problem, logs };
  } catch {
    return undefined;
  }
}

/** How many bans stand in one of the two alone. */
export interface Difference {
  missing: number;
  extra: number;
}

/** The bans that stand in one of the two alone. */
export interface Differing {
  missing: readonly string[];
  extra: readonly string[];
}

export const differing = (wanted: ReadonlySet<string>, found: ReadonlySet<string>): Differing => ({
  missing: [...wanted].filter((one) => !found.has(one)),
  extra: [...found].filter((one) => !wanted.has(one)),
});

/** What differs at both looks: a ban that has just begun or ended differs at one of them, and another one at the next. */
export function lasting(first: Differing, second: Differing): Difference {
  const both = (a: readonly string[], b: readonly string[]) => {
    const before = new Set(a);
    return b.filter((one) => before.has(one)).length;
  };
  return { missing: both(first.missing, second.missing), extra: both(first.extra, second.extra) };
}

/** It looks every ten seconds. */
const LATE_SECONDS = 60;

const EDGE = 'the edge refuses who is banned, other ports do not';

/**
 * For `health`.
 * @param text what it has written last; undefined where it has written nothing
 * @param compared undefined where this process may not ask the kernel, or CrowdSec did not answer; null without its table
 */
export function enforcedChecks(text: string | undefined, compared: Difference | null | undefined, now: Date): Check[] {
  const logs = text === undefined ? '' : (enforcedOf(text)?.logs ?? '');
  const unread: Check = {
    id: 'crowdsec.hostLogs',
    status: 'warn',
    message: `bans: who guesses passwords of the host’s SSH server stays unbanned: ${logs}`,
    remedy: 'correct bans.hostLogs in medianest.yml',
  };
  return [inForce(text, compared, now), ...(logs === '' ? [] : [unread])];
}

function inForce(text: string | undefined, compared: Difference | null | undefined, now: Date): Check {
  const said = (status: Check['status'], message: string, remedy?: string, value?: number): Check => ({
    id: 'crowdsec.firewall',
    status,
    message: `bans in the firewall: ${message}`,
    ...(remedy && { remedy }),
    ...(value !== undefined && { value }),
  });
  if (text === undefined) return said('fail', `nothing keeps them there: ${EDGE}`, 'sudo medianest firewall apply');
  const state = enforcedOf(text);
  const late = state && Math.round((now.getTime() - Date.parse(state.looked)) / 1000);
  // A clock that was put back says nothing of the program.
  if (!state || late === undefined || late > LATE_SECONDS)
    return said(
      'fail',
      `\`bans enforce\` has not looked for ${late ?? 'some'} s; they run out within an hour`,
      'sudo medianest firewall apply',
    );
  if (state.problem) return said('warn', `${state.problem}; they stand as of ${state.at ?? 'before its start'}`, 'medianest why crowdsec');
  if (compared === null) return said('fail', `their table is not in the kernel: ${EDGE}`, 'sudo medianest firewall apply');
  if (compared && compared.missing + compared.extra > 0)
    return said('warn', `${compared.missing} are missing there, and ${compared.extra} are there alone`, 'sudo medianest firewall apply');
  if (state.leftOut > 0)
    return said(
      'warn',
      `${plural(state.leftOut, 'ban')} that end first have no place there: the edge alone has them`,
      'medianest bans list',
    );
  return said('ok', `${plural(state.count, 'ban')} in force for all published ports`, undefined, state.count);
}
