import type { Aim } from '../plan/restore-choice.ts';
import { type Recovery, recoveryOf } from '../plan/restore-moment.ts';
import type { Part } from '../plan/restore-part.ts';
import { restorePlan } from '../plan/restore-plan.ts';
import { type RestoreTarget, targetText } from '../plan/restore-target.ts';
import type { BackupContext } from '../repository/repository.ts';
import type { DatabaseFacts } from './database.ts';
import type { Destination } from './disk-space.ts';
import type { FoundTarget } from './find-target.ts';
import type { Restoring } from './journal.ts';
import type { Sanitized } from './sanitize.ts';

/** Neither set nor moment: what is asked is to resume a restore that was interrupted, or to undo the last one. */
export interface RestoreAsked extends Aim {
  only: readonly Part[];
  into: string | undefined;
  /** With `into`: personal data is replaced before anything is shown. */
  sanitize?: boolean;
  undo: boolean;
  /** Nothing is there yet that could be gone back to. */
  bare?: boolean;
}

export interface RestoreOutcome {
  backup: string;
  target: string;
  recoveredTo: string | null;
  rpoSeconds: number | null;
  rtoSeconds: number;
  checks: { id: string; status: 'ok' | 'warn' | 'fail'; message: string }[];
  urls: string[];
  /** The set with what was there before. */
  safety: string | null;
  /** What was replaced, where that was asked. */
  sanitized: Sanitized | null;
  result: 'restored' | 'taken-back' | 'planned';
  /** What will be done, in its order; after it, what was. */
  steps: string[];
  /** How long that should take; null where nothing tells. */
  expectedSeconds: number | null;
  /** The moment that is recovered to, and what is left out; null where a restore is resumed or undone. */
  recovery: Recovery | null;
}

/** What to do: with data of a set, or with a restore that has ended or was interrupted. */
export type Work = ({ kind: 'new' } & FoundTarget) | { kind: 'resume' | 'abandon' | 'undo'; entry: Restoring };

export const destinationOf = ({ into, sanitize }: RestoreAsked): Destination => (!into ? 'in-place' : sanitize ? 'sanitized' : 'into');

export function outcomeOf(work: Work, backups: BackupContext, asked: RestoreAsked, result: RestoreOutcome['result']): RestoreOutcome {
  const entry = work.kind === 'new' ? undefined : work.entry;
  const backup = work.kind === 'new' ? work.target.set.id : (entry?.set ?? '');
  const says =
    work.kind === 'new' ? targetText(work.target) : work.kind === 'undo' ? `before the restore of ${backup}` : (entry?.target ?? '');
  const destination = destinationOf(asked);
  const plan = restorePlan(backups.stack, {
    kind: destination !== 'in-place' ? destination : work.kind === 'new' && asked.bare ? 'bare' : work.kind,
    parts: entry?.parts ?? asked.only,
    replaced: work.kind === 'resume' && work.entry.replaced,
    says,
    target: work.kind === 'new' ? work.target : undefined,
  });
  return {
    backup,
    target: says,
    recoveredTo: null,
    rpoSeconds: null,
    rtoSeconds: 0,
    checks: [],
    urls: [],
    safety: null,
    sanitized: null,
    result,
    recovery: work.kind === 'new' ? recoveryOf(work.target, asked.only, work.after) : null,
    ...plan,
  };
}

export const databaseChecks = (facts: DatabaseFacts | undefined): RestoreOutcome['checks'] => {
  if (!facts) return [];
  const rows = Object.values(facts.rows).reduce((sum, count) => sum + count, 0);
  const message = `${facts.timeline === undefined ? '' : `timeline ${facts.timeline}, `}${rows} rows in ${Object.keys(facts.rows).length} tables`;
  return [{ id: 'database', status: 'ok', message }];
};

export function sanitizedChecks(sanitized: Sanitized | null): RestoreOutcome['checks'] {
  if (!sanitized) return [];
  const { columns, tables, notSanitized } = sanitized;
  const values = columns.reduce((sum, column) => sum + column.values, 0);
  const message = `${values} values of ${columns.length} columns were replaced, none of them is left there; emptied: ${tables.map(({ table }) => table).join(', ') || 'no table'}; uploads, sessions and large objects are left out`;
  return [
    { id: 'sanitized', status: 'ok', message },
    ...notSanitized.map((column) => ({ id: 'sanitized.unknown', status: 'warn' as const, message: `not sanitized: ${column}` })),
  ];
}

/** How far the database came. */
export function recovered({ set, until }: RestoreTarget, facts: DatabaseFacts | undefined) {
  const recoveredTo = facts ? (facts.lastTransaction ?? set.parts.db.consistentAt) : null;
  const lost = until instanceof Date && recoveredTo ? Math.max(0, (until.getTime() - new Date(recoveredTo).getTime()) / 1000) : null;
  return { recoveredTo, rpoSeconds: lost, checks: databaseChecks(facts) };
}
