import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { exists, readOptional } from '../../core/files.ts';
import { open } from '../../project/open.ts';
import { converge } from '../../reconcile/converge.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import { copyNames } from '../../services/backup/settings/copies-settings.ts';
import { stateFolder } from '../../state/state.ts';
import { checkArchive } from '../archive/import.ts';
import { importBare } from '../archive/import-bare.ts';
import { fetchCopy } from '../copies/fetch.ts';
import type { Aim } from '../plan/restore-choice.ts';
import { importKit } from './kit.ts';
import type { RestoreOutcome } from './outcome.ts';
import { restore } from './restore.ts';

/**
 * A whole installation from its recovery kit and its repository: makes this folder the installation that the kit is of, starts
 * it empty, and restores everything into it.
 * @param file the kit; @param asked which set or moment, or `newest`; the copy (`from`) or the archive
 * that the repository is made from, where there is none any more
 * @throws UserError where the repository is not there, before anything is started
 */
export async function restoreKit(
  context: Context,
  file: string,
  passphrase: string,
  { from, ...asked }: Aim & { from: string | undefined; archive: string | undefined },
): Promise<RestoreOutcome> {
  const archive = asked.archive === undefined ? undefined : await checkArchive(context, asked.archive);
  const kit = importKit(file, passphrase, context.cwd, stateFolder(context, context.cwd));
  const { project: name, repository, secretFiles, rollBack } = kit;
  let project: Project;
  try {
    project = await open(context);
    // A kit from before sign-on would bring a stack back that everybody may enter.
    for (const { why, fix } of project.loaded.leftOff) context.report.warn(`the kit is of ${kit.madeAt.slice(0, 10)}: ${why}; ${fix}`);
    if (archive) await importBare(context, project, archive, repository);
    else if (from === undefined) refuseAway(project, repository);
    else refuseUnknown(project, from);
  } catch (error) {
    rollBack();
    throw error;
  }
  context.report.note(`this is ${name} now`);
  if (secretFiles.length > 0) context.report.note(`from the kit: ${secretFiles.join(', ')}`);
  await converge(context, project, { overwrite: false, command: 'up (restore --kit)' });
  if (from !== undefined) await fetchCopy(context, project, from);
  return restore(context, project, { ...asked, only: ['db', 'files', 'redis'], into: undefined, undo: false, bare: true });
}

function refuseUnknown({ loaded }: Project, from: string): void {
  const names: string[] = copyNames((loaded.settings.backup as BackupSettings).copies);
  if (names.includes(from)) return;
  throw new UserError('USAGE', `the kit knows no copy ${from}; nothing was changed`, `it has ${names.join(', ') || 'none'}`);
}

/** If it is a folder: it contains the repository of the kit. A volume is checked once it is started. */
function refuseAway({ loaded }: Project, repository: string | undefined): void {
  const { local } = loaded.settings.backup as BackupSettings;
  if (local.kind !== 'folder' || !local.path) return;
  const folder = path.resolve(loaded.root, local.path);
  const id = readOptional(path.join(folder, 'repository.id'))?.trim();
  if (id !== undefined && (repository === undefined || id === repository)) return;
  const why = !exists(folder)
    ? 'is not there'
    : id === undefined
      ? 'contains no repository'
      : 'contains the repository of another installation';
  throw new UserError(
    'REPOSITORY_AWAY',
    `${folder}, which backup.local names, ${why}; nothing was changed`,
    'mount its disk there, and run the same command again',
  );
}
