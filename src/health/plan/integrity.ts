import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';
import { type Difference, describeDifference, type Seal } from '../../state/plan/seal.ts';

const ID = 'integrity';
const SHOWN = 5;

interface Looked {
  seal: Pick<Seal, 'at' | 'command'>;
  /** Files that are sealed. */
  count: number;
  found: readonly Difference[];
}

/** Whether the state folder is as medianest has left it. */
export function integrityCheck({ seal, count, found }: Looked): Check {
  const since = `since \`${seal.command}\` (${seal.at})`;
  if (found.length === 0)
    return { id: ID, status: 'ok', message: `${plural(count, 'file')} with secrets, keys and records are as they were left`, value: count };
  const shown = found.slice(0, SHOWN).map(describeDifference);
  const more = found.length > SHOWN ? [`and ${found.length - SHOWN} more`] : [];
  const rights = found.every(({ what }) => what === 'mode' || what === 'owner');
  return {
    id: ID,
    status: rights ? 'warn' : 'fail',
    message: `state folder: another program has changed what medianest writes, ${since}: ${[...shown, ...more].join(', ')}`,
    remedy: rights
      ? 'medianest up sets modes and owners that containers need, and takes the others as they are'
      : 'find out who did that, remove what was added, and bring the rest back from a backup of the state folder; if it was you, medianest up takes it as it is',
    value: found.length,
  };
}

/** The folder or its seal cannot be read: what has changed is not known. */
export const unreadIntegrityCheck = (problem: string, remedy?: string): Check => ({
  id: ID,
  status: 'warn',
  message: `whether another program has changed the state folder cannot be told: ${problem}`,
  ...(remedy && { remedy }),
});
