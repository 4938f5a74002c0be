import { readdirSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { exists, removeTree } from '../core/files.ts';
import type { Engine } from '../docker/types.ts';
import type { StateFolder } from '../state/state.ts';
import { endMove } from './move-journal.ts';
import { type MoveJournal, uncopied } from './plan/move.ts';

/** A copy has another name until it was compared. */
export const partOf = (folder: string): string => `${folder}.part`;

const isEmpty = (folder: string): boolean => readdirSync(folder).length === 0;

/**
 * What is in the encrypted folder and goes with it has to be moved before: data whose volume was removed by hand, a preview.
 * @throws UserError FOREIGN_STATE
 */
export function refuseOthers(within: string, { folders }: MoveJournal): void {
  if (!exists(within)) return;
  const moved = new Set(Object.values(folders));
  const others = readdirSync(within, { withFileTypes: true })
    .map((entry) => ({ entry, folder: path.join(within, entry.name) }))
    .filter(({ entry, folder }) => !moved.has(folder) && !(entry.isDirectory() && isEmpty(folder)))
    .map(({ folder }) => folder);
  if (others.length === 0) return;
  throw new UserError(
    'FOREIGN_STATE',
    `${others.join(', ')} ${others.length > 1 ? 'hold' : 'holds'} data, and no volume of the stack is bound to ${others.length > 1 ? 'them' : 'it'}; nothing was moved`,
    'a preview goes by `medianest preview remove`; a volume that was removed by hand is there again after `storage: { encrypt: true }`, medianest up and medianest down; of no use: sudo rm -r FOLDER. Then run the same command again',
  );
}

/** What an interrupted run has left of copies that begin again: it takes the space that they need. */
export async function removeUnfinished(journal: MoveJournal, engine: Engine): Promise<void> {
  const volumes = await engine.volumes();
  for (const [name, folder] of uncopied(journal)) {
    if (journal.to === 'encrypted') removeTree(partOf(folder));
    else if (exists(folder) && volumes.some((volume) => volume.name === name && volume.device === undefined))
      await engine.removeVolume(name);
  }
}

/** Ends a move into the folder that has removed no original yet (`mayBeGivenUp`). */
export function giveUp(state: StateFolder, journal: MoveJournal): void {
  for (const folder of Object.values(journal.folders)) removeTree(partOf(folder));
  endMove(state);
}
