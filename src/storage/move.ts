import { mkdirSync, readdirSync, renameSync, statfsSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, removeTree, syncFolder, writing } from '../core/files.ts';
import { bytes } from '../core/plural.ts';
import { shown, type Task } from '../core/reporter.ts';
import { type DockerCli, runProgram } from '../docker/compose.ts';
import type { Engine } from '../docker/types.ts';
import { createVolume } from '../docker/volume.ts';
import { withLock } from '../project/with-lock.ts';
import { COPY } from '../reconcile/carry/volumes.ts';
import { describe } from '../reconcile/prepare.ts';
import { COMPOSE_PROJECT, COMPOSE_VOLUME, LABEL } from '../stack/labels.ts';
import { folderDriverOptions } from '../stack/storage.ts';
import type { Lock } from '../state/lock.ts';
import { foldersOf } from './beside.ts';
import { endMove, noteMove, readMove } from './move-journal.ts';
import { giveUp, partOf, refuseOthers, removeUnfinished } from './move-remains.ts';
import { performOpening, prepareOpening, requireRoot } from './open-storage.ts';
import { foldersToMove, lackingBytes, type MoveJournal, mayBeGivenUp, moveCommand, uncopied, unlabelledRefusal } from './plan/move.ts';
import { removeStorage } from './remove.ts';
import { kitOpens, lookAtStorage, nearestFolder, type Seen } from './store.ts';

interface Mover {
  context: Context;
  engine: Engine;
  docker: DockerCli;
  project: string;
  lock: Lock;
}

/**
 * Moves the data of a stack that is down into the encrypted folder, or out of it. All is copied and compared before the first original is
 * removed; a run that was killed is continued by the same command.
 * @param file the passphrase, in a file @param withoutKit also where a TPM alone opens the copies @returns the volumes that were moved, or would be
 * @throws UserError USAGE, FOREIGN_STATE, DISK_FULL; nothing was changed
 */
export async function moveStorage(
  context: Context,
  project: Project,
  to: MoveJournal['to'],
  { file, withoutKit }: { file?: unknown; withoutKit?: boolean },
): Promise<string[]> {
  const { state, loaded } = project;
  const { settings } = loaded;
  if (settings.storage.encrypt !== (to === 'encrypted'))
    throw new UserError(
      'USAGE',
      `\`storage.encrypt\` is ${settings.storage.encrypt ? 'on' : 'off'}, and the data goes where the settings say; nothing was changed`,
      `set \`storage: { encrypt: ${to === 'encrypted'} }\` in medianest.yml, and run the same command again`,
    );
  const engine = await context.engine();
  const journalOf = async (): Promise<MoveJournal & { begun: MoveJournal | undefined }> => {
    const last = readMove(state);
    if (last && last.to !== to && !mayBeGivenUp(last))
      throw new UserError(
        'PARTIAL',
        'a move in the other direction was interrupted; nothing was changed',
        `${moveCommand(last)} continues it`,
      );
    const begun = last?.to === to ? last : undefined;
    const wanted = to === 'encrypted' ? foldersOf(await describe(context, loaded)) : new Map<string, undefined>();
    const { volumes: within } = lookAtStorage(project).places;
    const volumes = await engine.volumes();
    const refusal = unlabelledRefusal(wanted, volumes, settings.project);
    if (refusal) throw refusal;
    const found = foldersToMove(to, { wanted, volumes, within, project: settings.project });
    return { to, folders: { ...found, ...begun?.folders }, copied: begun?.copied ?? [], begun: last };
  };
  if (context.flags.dryRun) return Object.keys((await journalOf()).folders);
  const docker = await context.docker();
  return withLock(
    context,
    state,
    `storage ${to === 'encrypted' ? 'encrypt' : 'decrypt'}`,
    async (lock, record) => {
      requireRoot();
      const mover = { context, engine, docker, project: settings.project, lock };
      const { begun, ...first } = await journalOf();
      let journal: MoveJournal = first;
      const names = Object.keys(journal.folders);
      const seen = lookAtStorage(project);
      const { volumes: within } = seen.places;
      if (names.length === 0 && !begun && (to === 'encrypted' || seen.state.is === 'new')) return [];
      if (to === 'encrypted' && !withoutKit) refuseTpmAlone(project, seen);
      await refuseUsed(mover, names);
      // Killed while the folder was removed, it may have no key any more.
      if (to === 'encrypted' || begun?.to !== to || uncopied(journal).length > 0) {
        if (!begun && to === 'encrypted') await refuseFull(mover, journal, nearestFolder(within));
        const opening = await prepareOpening(context, project, seen, { file });
        record(['storage', journal]);
        performOpening(project, opening);
        if (begun && begun.to !== to) giveUp(state, begun);
        if (to === 'plain') refuseOthers(within, journal);
        if (begun?.to === to) await removeUnfinished(journal, engine);
        if (begun || to === 'plain') await refuseFull(mover, journal, to === 'encrypted' ? within : await engineFolder(mover));
        noteMove(state, journal);
        for (const [name] of uncopied(journal)) {
          await shown(context.report, `copy ${name}, and compare the copy`, (task) => copy(mover, journal, name, task));
          journal = { ...journal, copied: [...journal.copied, name] };
          noteMove(state, journal);
        }
      } else record(['storage', journal]);
      await shown(context.report, 'remove the originals', () => finish(mover, journal));
      if (to === 'plain') removeStorage(project, false);
      endMove(state);
      return names;
    },
    { resumes: 'storage' },
  );
}

/** The originals go, so a TPM that dies must not be all that opens the copies. @throws UserError CONFIRMATION_NEEDED */
function refuseTpmAlone({ loaded, state }: Project, { header }: Seen): void {
  const kinds = header?.slots.map(({ kind }) => kind) ?? [loaded.settings.storage.unlock];
  if (kinds.some((kind) => kind !== 'tpm') || (header && kitOpens(state, header.key))) return;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    'the originals are removed, and the copies would be lost with this TPM: no recovery kit holds their key yet; nothing was changed',
    'sudo medianest storage unlock; sudo medianest backup kit FILE; then run the same command again, or with --without-kit',
  );
}

/** A copy of what changes meanwhile is worth nothing. @throws UserError FOREIGN_STATE */
async function refuseUsed({ engine, docker, project }: Mover, names: readonly string[]): Promise<void> {
  const own = await engine.observe(project);
  if (own.length > 0)
    throw new UserError(
      'FOREIGN_STATE',
      `${project} is up (${own.length} containers), and its data cannot be moved meanwhile; nothing was changed`,
      'medianest down; then run the same command again, and medianest up',
    );
  for (const name of names) {
    const { exitCode, stdout, tail } = await docker.run(['ps', '--all', '--filter', `volume=${name}`, '--format', '{{.Names}}']);
    if (exitCode !== 0)
      throw new UserError('ENGINE_FAILED', `docker ps: ${tail.at(-1) ?? 'no answer'}; nothing was changed`, 'run the same command again');
    const users = stdout.split('\n').filter(Boolean);
    if (users.length > 0)
      throw new UserError(
        'FOREIGN_STATE',
        `the volume ${name} is used by ${users.join(', ')}; nothing was changed`,
        `remove it: docker rm --force ${users.join(' ')}; then run the same command again`,
      );
  }
}

/** @throws UserError DISK_FULL before anything is copied */
async function refuseFull(mover: Mover, journal: MoveJournal, target: string): Promise<void> {
  const sizes: number[] = [];
  const { to } = journal;
  for (const [name, folder] of uncopied(journal)) {
    const source = to === 'encrypted' ? await plainFolder(mover, name) : folder;
    const { exitCode, stdout, tail } = await runProgram('du', ['--summarize', '--block-size=1', source]);
    const size = Number(stdout.split('\t')[0]);
    if (exitCode !== 0 || !Number.isFinite(size)) throw stopped(`${source} cannot be measured`, tail);
    sizes.push(size);
  }
  if (sizes.length === 0) return;
  const { bavail, bsize } = statfsSync(target);
  const lacking = lackingBytes(sizes, bavail * bsize);
  if (lacking === 0) return;
  throw new UserError(
    'DISK_FULL',
    `the disk of ${target} lacks ${bytes(lacking)} for the copies; nothing was moved`,
    `free some space, and run the same command again${to === 'encrypted' ? `; ${GIVEN_UP}` : ''}`,
  );
}

async function copy(mover: Mover, { to, folders }: MoveJournal, name: string, task: Task): Promise<void> {
  const folder = folders[name] as string;
  const [from, target] = to === 'encrypted' ? [await plainFolder(mover, name), newPart(folder)] : [folder, await plainVolume(mover, name)];
  const { exitCode, stdout, tail } = await runProgram('bash', ['-c', COPY, 'bash', from, target], {
    signal: mover.context.signal,
    // The next run waits for it, should this one be killed.
    onStart: (pid) => mover.lock.noteChild(pid),
  });
  if (exitCode !== 0) throw stopped(`the volume ${name} could not be copied`, tail);
  task.detail(`${Number(stdout.trim())} files, compared by their checksums`);
}

/** @throws UserError FOREIGN_STATE where data stands in its place */
function newPart(folder: string): string {
  if (exists(folder) && readdirSync(folder).length > 0)
    throw new UserError(
      'FOREIGN_STATE',
      `${folder} holds data already, of an earlier volume of this name; nothing was changed`,
      `if it is of no use, remove it: sudo rm -r ${folder}; then run the same command again`,
    );
  const part = partOf(folder);
  writing(part, () => void mkdirSync(part, { recursive: true, mode: 0o711 }), null);
  return part;
}

/** The volumes of the stack become what their copies are; each step of it may have been taken before. */
async function finish(mover: Mover, { to, folders }: MoveJournal): Promise<void> {
  if (to === 'plain') return;
  for (const [name, folder] of Object.entries(folders)) {
    if (exists(partOf(folder))) {
      removeTree(folder);
      renameSync(partOf(folder), folder);
    }
    // The original goes next, and after a power cut its copy has to be found by its name.
    syncFolder(path.dirname(folder));
    const there = (await mover.engine.volumes()).find((volume) => volume.name === name);
    if (there && there.device !== folder) await mover.engine.removeVolume(name);
    await createVolume(name, labelsOf(mover.project, name), mover.docker, { driver: 'local', options: folderDriverOptions(folder) });
  }
}

/** A plain volume of this name: the one that was bound to the folder goes, and the folder stays. @returns where the engine has it */
async function plainVolume(mover: Mover, name: string): Promise<string> {
  const there = (await mover.engine.volumes()).find((volume) => volume.name === name);
  if (there?.device !== undefined) await mover.engine.removeVolume(name);
  await createVolume(name, labelsOf(mover.project, name), mover.docker);
  return plainFolder(mover, name);
}

const labelsOf = (project: string, name: string): Record<string, string> => ({
  [LABEL.project]: project,
  [COMPOSE_PROJECT]: project,
  [COMPOSE_VOLUME]: name.slice(project.length + 1),
});

async function plainFolder({ docker }: Mover, name: string): Promise<string> {
  const { exitCode, stdout, tail } = await docker.run(['volume', 'inspect', '--format', '{{.Mountpoint}}', name]);
  const folder = stdout.trim();
  if (exitCode === 0 && path.isAbsolute(folder) && exists(folder)) return folder;
  throw stopped(`the engine does not say where the volume ${name} is`, tail);
}

async function engineFolder({ engine }: Mover): Promise<string> {
  const { rootDir } = await engine.info();
  if (rootDir && exists(rootDir)) return rootDir;
  throw stopped('the engine does not say where its volumes are', []);
}

const GIVEN_UP = 'before all is copied, `storage: { encrypt: false }` and sudo medianest storage decrypt give up a move into the folder';

const stopped = (what: string, tail: readonly string[]): UserError =>
  new UserError(
    'PARTIAL',
    `${what}: ${tail.slice(-3).join(' | ') || 'no answer'}; the data is as it was`,
    `correct what it names (a full disk, the engine), and run the same command again: it continues; ${GIVEN_UP}`,
  );
