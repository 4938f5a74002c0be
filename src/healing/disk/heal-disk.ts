import type { Context, Project } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { removeTree, writeAtomic } from '../../core/files.ts';
import { shortHash } from '../../core/hash.ts';
import { currentUser } from '../../core/user.ts';
import type { AgentSettings } from '../../services/agent/agent.ts';
import { appendAudit } from '../../state/audit.ts';
import { acquireLock, isHeld } from '../../state/lock.ts';
import type { StateFolder } from '../../state/state.ts';
import { type DiskHealing, type Dispensable, hasEnough, lowDisks, type Removal, reasonOf } from '../plan/disk.ts';
import { dispensableOn } from './dispensable.ts';
import { readDisks } from './space.ts';

const COMMAND = 'medianest agent disk';
const RECORD = 'disk-healing.json';

const isRecordOfDisks = (value: unknown): boolean => {
  const { at, disks, removed, dispensable } = (value ?? {}) as Partial<DiskHealing>;
  return Number.isFinite(Date.parse(at ?? '')) && [disks, removed, dispensable].every(Array.isArray);
};

/** What the last look found and did; undefined before the first. @throws UserError STATE_DAMAGED */
export const lastLook = (state: StateFolder): DiskHealing | undefined =>
  state.readJson<DiskHealing>(RECORD, 'what was removed last is in the audit log too', isRecordOfDisks);

/**
 * Looks at the disks of the engine and of the state folder. Where one has less than `diskReserve`, what is medianest's own and
 * dispensable goes, one thing after the other until there is twice the reserve. No container and no volume is touched.
 */
export async function healDisk(context: Context, project: Project): Promise<DiskHealing> {
  const { loaded, state } = project;
  const { diskReserve: reserve } = loaded.settings;
  const { healing } = loaded.settings.agent as AgentSettings;
  const disks = await readDisks(context, project);
  const low = lowDisks(disks, reserve);
  const seen: DiskHealing = {
    ...{ at: context.clock.now().toISOString(), healing, reserve, disks },
    ...{ removed: [], dispensable: [], stays: [], busy: false },
  };
  if (healing === 'off') return seen;
  const found = low.length > 0 ? { ...seen, ...(await dispensableOn(context, project, low)) } : seen;
  if (context.flags.dryRun) return found;
  const ended = healing === 'act' && found.dispensable.length > 0 ? await withoutOthers(context, project, found) : found;
  keep(context, state, ended);
  return ended;
}

/** Under the project's lock: another command may be about to need what looks unused. */
async function withoutOthers(context: Context, project: Project, found: DiskHealing): Promise<DiskHealing> {
  const { state } = project;
  try {
    state.open();
    const lock = await acquireLock(state.at('lock'), COMMAND, 0, context.signal, () => {});
    try {
      // As it is now, with the lock.
      const { dispensable, stays } = await dispensableOn(context, project, lowDisks(found.disks, found.reserve));
      return await removeSome(context, project, { ...found, dispensable, stays });
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof UserError && error.code === 'LOCKED') return { ...found, busy: true };
    if (!(error instanceof UserError) || !isFull(error) || isHeld(state.at('lock'))) throw error;
    // No byte is left for a lock, so no other command can begin either. One image that nothing uses makes room for it.
    const [first, ...rest] = found.dispensable.filter(({ kind }) => kind !== 'release');
    if (!first) throw error;
    const removal = await remove(context, first);
    note(context, state, removal, found);
    const later = found.dispensable.filter((one) => one.kind === 'release' || rest.includes(one));
    const ended = await withoutOthers(context, project, { ...found, dispensable: later });
    return { ...ended, removed: [removal, ...ended.removed] };
  }
}

const isFull = ({ cause }: UserError): boolean => ['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '');

async function removeSome(context: Context, project: Project, found: DiskHealing): Promise<DiskHealing> {
  let { disks } = found;
  const removed: Removal[] = [];
  const left: Dispensable[] = [];
  for (const one of found.dispensable) {
    const disk = disks.find(({ id }) => id === one.on);
    if (context.signal.aborted || hasEnough(disk?.free ?? null, found.reserve)) {
      left.push(one);
      continue;
    }
    const removal = await remove(context, one);
    disks = await readDisks(context, project);
    const now = disks.find(({ id }) => id === one.on)?.free;
    removed.push(typeof disk?.free === 'number' && typeof now === 'number' ? { ...removal, freed: now - disk.free } : removal);
    note(context, project.state, removal, found);
  }
  return { ...found, disks, removed, dispensable: left };
}

async function remove(context: Context, one: Dispensable): Promise<Removal> {
  const stays = (problem: string): Removal => ({ ...one, freed: null, problem });
  try {
    if (one.kind === 'leftover') removeTree(one.name);
    // Without force: an image that came into use meanwhile stays.
    else if (!(await (await context.engine()).removeImage(one.name))) return stays('a container uses it, or it was removed meanwhile');
    return { ...one, freed: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return stays(error.message);
  }
}

/** A line of the audit log, with the reason. On a full disk it may be missing: the removal counts. */
function note(context: Context, state: StateFolder, removal: Removal, found: DiskHealing): void {
  const entry = {
    time: context.clock.now().toISOString(),
    user: currentUser(),
    command: `${COMMAND}: ${removal.name} ${removal.problem ? 'stays' : 'removed'}`,
    reason: removal.problem ?? reasonOf(removal, found.disks, found.reserve),
    plan: shortHash({ kind: removal.kind, name: removal.name }),
    result: removal.problem ? ('failed' as const) : ('done' as const),
    seconds: 0,
  };
  despiteFull(context, 'the audit log', () => appendAudit(state.at('audit.jsonl'), entry));
}

/** What went last stays known until something else goes. */
function keep(context: Context, state: StateFolder, ended: DiskHealing): void {
  despiteFull(context, 'what was done about the disk', () => {
    const removed = ended.removed.length > 0 ? ended.removed : before(state);
    writeAtomic(state.at(RECORD), `${JSON.stringify({ ...ended, removed })}\n`, 0o600);
  });
}

/** What went before; a record that is damaged is written again. */
function before(state: StateFolder): Removal[] {
  try {
    return lastLook(state)?.removed ?? [];
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'STATE_DAMAGED') throw error;
    return [];
  }
}

function despiteFull(context: Context, what: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'STATE_UNWRITABLE') throw error;
    context.report.warn(`${what} could not be written: ${error.message}`);
  }
}
