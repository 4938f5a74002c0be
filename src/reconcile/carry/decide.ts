import { UserError } from '../../core/errors.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { volumeName } from '../../stack/labels.ts';
import type { Manifest } from '../../stack/manifest.ts';
import { COMPOSE_FILE } from '../../stack/render.ts';
import type { Stack } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { type Carrying, carryDatabase, carryVolumes, databaseBefore, unfinished, volumesOf } from '../plan/carry.ts';
import type { CarryJournal } from '../plan/carry-journal.ts';
import { composeServices } from '../plan/change.ts';
import { isOf, renamedAway, renameRefusal } from '../plan/left-data.ts';
import { readCarry } from './journal.ts';

interface Asked {
  newData?: boolean | undefined;
  carryData?: boolean | undefined;
}

/**
 * Whether data has to come along, and how. The engine is asked only where the state folder says so, or the operator.
 * @throws UserError FOREIGN_STATE, ALREADY_THERE, USAGE; nothing was changed
 */
export async function decideCarry(
  { state, stack }: { state: StateFolder; stack: Stack },
  containers: readonly ObservedContainer[],
  manifest: Manifest | undefined,
  engine: Engine,
  asked: Asked,
): Promise<Carrying | undefined> {
  const { project } = stack;
  const recorded = state.project();
  const renamed = recorded !== undefined && recorded !== project;
  const noted = readCarry(state);
  const journal = noted && isOpen(noted, recorded, stack) ? noted : undefined;
  if (!renamed && !journal && !asked.carryData)
    return noted?.kind === 'database' ? givenUp('the stack reads the old volume again') : undefined;
  if (journal && asked.newData)
    // What was begun is told apart by the journal alone.
    return journal.kind === 'rename' ? refuse(unfinished(journal, project, state.root)) : givenUp('the data is not wanted');
  if (journal && !asked.carryData) throw unfinished(journal, project, state.root);
  if (asked.newData) return undefined;
  const volumes = await engine.volumes();
  if (renamed && !asked.carryData) {
    const away = renamedAway(recorded, project, volumes);
    if (away.length > 0) throw renameRefusal(recorded, project, state.root, away);
    return undefined;
  }
  const before = databaseBefore(manifest, composeServices(manifest?.files.find(({ path }) => path === COMPOSE_FILE)?.contents), stack);
  if (renamed && volumesOf(recorded, volumes).length > 0) {
    if (before.volumes.length > 0)
      throw new UserError(
        'USAGE',
        `the name of the project and its kind of database change at once (${recorded} to ${project}); nothing was changed`,
        'one after the other: first the new name with the profile and components as they were, then those',
      );
    refuseEncrypted(stack);
    await refuseRunning(recorded, engine);
    const image = stack.services.find((service) => service.image.build)?.image.ref ?? '';
    return carryVolumes({ recorded, project, image }, volumes, journal);
  }
  const from = journal?.from ?? before.volumes[0];
  const there = from !== undefined && volumes.some((volume) => volume.name === volumeName(project, from) && isOf(volume, project));
  if (from === undefined || !there) return undefined;
  if (before.clustered && !journal)
    throw new UserError(
      'USAGE',
      `--carry-data brings the database of one server into a cluster, and ${before.volumes.join(', ')} is a cluster’s; nothing was changed`,
      'dump it first (`medianest exec postgres -- pg_dump medianest`), begin with `medianest up`, and load the dump',
    );
  refuseEncrypted(stack);
  return carryDatabase(from, stack, { containers, volumes }, journal);
}

/** @throws UserError USAGE: what is carried is copied into plain volumes on its way */
function refuseEncrypted({ encryptedIn }: Stack): void {
  if (encryptedIn === undefined) return;
  throw new UserError(
    'USAGE',
    '`storage.encrypt` is on, and --carry-data would leave copies that are not encrypted; nothing was changed',
    'with the old settings and `storage: { encrypt: false }`: medianest down, sudo medianest storage decrypt; then medianest up --carry-data, and encrypt again',
  );
}

/** The database's old volume stays, and the new one keeps what it has. */
const givenUp = (cause: string): Carrying => ({ first: [], written: [{ kind: 'finish-carry', cause }], carried: [] });

const refuse = (error: UserError): never => {
  throw error;
};

/** Once the state folder has the new name, all copies are done; and where the stack reads the old volume again, nothing has to be carried. */
const isOpen = ({ kind, from }: CarryJournal, recorded: string | undefined, stack: Stack): boolean =>
  kind === 'rename' ? recorded === from && stack.project !== from : !stack.volumes.includes(from);

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
