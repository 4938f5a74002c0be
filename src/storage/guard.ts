import type { Intent } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { StateFolder } from '../state/state.ts';
import { readMove } from './move-journal.ts';
import { moveCommand } from './plan/move.ts';
import { isOpen, readRecord } from './store.ts';

/**
 * While data is on its way, nothing starts on half of it; while it is locked, only what unlocks it changes anything.
 * @throws UserError PARTIAL, NOT_RUNNING
 */
export function refuseLocked(state: StateFolder, intent: Intent): void {
  const move = readMove(state);
  if (move)
    throw new UserError(
      'PARTIAL',
      `data is on its way ${move.to === 'encrypted' ? 'into' : 'out of'} the encrypted folder, and the move was interrupted; nothing was changed`,
      `${moveCommand(move)} continues it`,
    );
  // The VPN has no data, and runs while that is locked.
  if (intent.unlocks || intent.removesAccess) return;
  const record = readRecord(state);
  if (!record || isOpen(record)) return;
  throw new UserError(
    'NOT_RUNNING',
    `the data in ${record.folder} is locked, or its disk is not mounted; nothing was changed`,
    'unlock it: sudo medianest storage unlock, then medianest up',
  );
}
