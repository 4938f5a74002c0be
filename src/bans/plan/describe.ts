import type { Protected } from '../../services/crowdsec/settings/never-banned.ts';
import type { Ban, Evidence } from './decisions.ts';

/** Of a flood, the newest are enough. */
const SHOWN = 15;

/** For people: the bans of an address with what led to them, and whether anything keeps it from being banned. */
export function describeWhy(address: string, bans: readonly (Ban & { evidence: Evidence[] })[], never: Protected | null): string {
  const lines = bans.flatMap((ban) => [
    `${ban.address} is banned until ${ban.until}: ${ban.reason} (${ban.by})`,
    ...ban.evidence.slice(-SHOWN).map(({ time, what, method, path, status }) => `  ${time}  ${what}  ${method} ${path}  ${status}`),
  ]);
  const kept = never && `${address} is never banned unless forced: ${never.because}, as ${never.range}`;
  return [...(lines.length > 0 ? lines : [`${address} is not banned`]), ...(kept ? [kept] : [])].join('\n');
}
