import { shortHash } from '../../core/hash.ts';
import type { AuditEntry } from '../../state/audit.ts';
import type { AgentAction } from './agent-status.ts';

const USER = 'agent';

/** When the newest action was that the audit log has; undefined where it has none. */
export const lastNoted = (audit: readonly AuditEntry[]): string | undefined => audit.findLast(({ user }) => user === USER)?.time;

/**
 * What the agent did, with its reason, as lines of the audit log: of its log those that say an action, and that are newer than what is there.
 * Where what is there is of the future, the clock was put back: then those that are not there.
 */
export function entriesOf(actions: readonly AgentAction[], audit: readonly AuditEntry[], now: Date): AuditEntry[] {
  const noted = Date.parse(lastNoted(audit) ?? '') || Number.NEGATIVE_INFINITY;
  const known = new Set(audit.filter(({ user }) => user === USER).map(({ time, plan }) => `${time} ${plan}`));
  const isNew = ({ time, plan }: AuditEntry) => (noted > now.getTime() ? !known.has(`${time} ${plan}`) : Date.parse(time) > noted);
  return actions
    .filter(({ facts }) => typeof facts.action === 'string')
    .sort((a, b) => (a.time < b.time ? -1 : 1))
    .map(
      ({ time, what, facts }): AuditEntry => ({
        time,
        user: USER,
        command: sentence(what, facts),
        plan: shortHash(facts),
        result: facts.action === 'failed' ? 'failed' : 'done',
        seconds: 0,
      }),
    )
    .filter(isNew);
}

/** `app-1: started (it ended with status 137)`. */
function sentence(what: string, { service, member, why, error }: AgentAction['facts']): string {
  const whom = service ?? member;
  const reason = why ?? error;
  return `${typeof whom === 'string' ? `${whom}: ` : ''}${what}${typeof reason === 'string' ? ` (${reason})` : ''}`;
}
