import { UserError } from '../../core/errors.ts';
import type { Engine } from '../../docker/types.ts';
import type { Stack } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { type Carrying, carryVolumes, unfinished, volumesOf } from '../plan/carry.ts';
import type { CarryJournal } from '../plan/carry-journal.ts';
import { renamedAway, renameRefusal } from '../plan/left-data.ts';
import { readCarry } from './journal.ts';

interface Asked {
  newData?: boolean | undefined;
  carryData?: boolean | undefined;
}

/**
 * Whether data has to come along, and how. The engine is asked only where the state folder says so, or the operator.
 * @throws UserError FOREIGN_STATE, ALREADY_THERE; nothing was changed
 */
export async function decideCarry(
  { state, stack }: { state: StateFolder; stack: Stack },
  engine: Engine,
  asked: Asked,
): Promise<Carrying | undefined> {
  const { project } = stack;
  const recorded = state.project();
  const renamed = recorded !== undefined && recorded !== project;
  const noted = readCarry(state);
  const journal = noted && isOpen(noted, recorded, project) ? noted : undefined;
  if (!renamed && !journal && !asked.carryData) return undefined;
  if (journal && !asked.carryData) throw unfinished(journal, project, state.root);
  if (asked.newData) return undefined;
  const volumes = await engine.volumes();
  if (renamed && !asked.carryData) {
    const away = renamedAway(recorded, project, volumes);
    if (away.length > 0) throw renameRefusal(recorded, project, state.root, away);
    return undefined;
  }
  if (!renamed || volumesOf(recorded, volumes).length === 0) return undefined;
  await refuseRunning(recorded, engine);
  const image = stack.services.find((service) => service.image.build)?.image.ref ?? '';
  return carryVolumes({ recorded, project, image }, volumes, journal);
}

/** Once the state folder has the new name, all copies are done. */
const isOpen = ({ from }: CarryJournal, recorded: string | undefined, project: string): boolean => recorded === from && project !== from;

/** @throws UserError FOREIGN_STATE while a container of the old name is there: it writes, and it has the addresses */
async function refuseRunning(recorded: string, engine: Engine): Promise<void> {
  const there = await engine.observe(recorded);
  if (there.length === 0) return;
  throw new UserError(
    'FOREIGN_STATE',
    `${recorded} is still here (${there.map(({ service }) => service).join(', ')}), and its data cannot be copied meanwhile; nothing was changed`,
    `medianest down --project ${recorded}; then medianest up --carry-data`,
  );
}
