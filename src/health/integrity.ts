import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { isChangeOpen } from '../state/audit.ts';
import { isHeld } from '../state/lock.ts';
import { compareSeal, isSealFault } from '../state/seal.ts';
import type { StateFolder } from '../state/state.ts';
import { integrityCheck, unreadIntegrityCheck } from './plan/integrity.ts';

/** Whether another program has changed what commands alone write. While one of them writes, nothing can be said. */
export function integrityChecks(state: StateFolder): Check[] {
  const isWriting = () => isHeld(state.at('lock')) || isChangeOpen(state.at('audit.jsonl'));
  try {
    if (isWriting()) return [];
    const looked = compareSeal(state);
    // One that has begun and ended meanwhile has left another seal.
    return !looked || isWriting() || (looked.found.length > 0 && compareSeal(state)?.seal.at !== looked.seal.at)
      ? []
      : [integrityCheck(looked)];
  } catch (error) {
    if (!isSealFault(error)) throw error;
    return [unreadIntegrityCheck(error.message, error instanceof UserError ? error.hint : undefined)];
  }
}
