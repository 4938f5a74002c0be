import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Leaving, Project, Remnant } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, removeTree } from '../core/files.ts';
import { REPOSITORY_VOLUME } from '../services/backup/backup.ts';
import type { BackupSettings } from '../services/backup/settings/backup-settings.ts';
import type { Loaded } from '../settings/loaded.ts';
import { LABEL, volumeName } from '../stack/labels.ts';
import type { StateFolder } from '../state/state.ts';
import { readCatalogue } from './repository/catalogue.ts';

/** Proves that a folder is the repository, and no other one. */
const PROOF = 'repository.id';

/** Where the repository is a folder of this host. */
function repositoryFolder({ root, settings }: Loaded): string | undefined {
  const own = settings.backup as BackupSettings | undefined;
  return own?.local.kind === 'folder' && own.local.path ? path.resolve(root, own.local.path) : undefined;
}

const isRepositoryOf = (state: StateFolder, folder: string): boolean => {
  const known = readCatalogue(state)?.repository;
  return known !== undefined && readOptional(path.join(folder, PROOF))?.trim() === known;
};

/** Why the sets that are known may be nowhere; undefined where the repository is there, or is a volume. */
export function repositoryAway({ loaded, state }: Project): { reason: string; hint: string } | undefined {
  const folder = repositoryFolder(loaded);
  try {
    if (folder === undefined || isRepositoryOf(state, folder)) return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      reason: `whether ${folder} contains the repository that has the backups cannot be told: ${error.message}`,
      hint: `${error.hint}; to delete it all the same: medianest down --volumes --no-backup (add --yes without a terminal)`,
    };
  }
  return {
    reason: `${folder} does not contain the repository that has the backups`,
    hint: 'mount its disk, and run the same command again; to delete it all the same: medianest down --volumes --no-backup (add --yes without a terminal)',
  };
}

/** The repository, and previews of its sets. */
export async function backupRemains({ project: { loaded, state }, engine }: Leaving): Promise<Remnant[]> {
  const { project } = loaded.settings;
  const volumes = await engine.volumes();
  const repository = volumeName(project, REPOSITORY_VOLUME);
  const there = volumes.some(({ name, labels }) => name === repository && labels[LABEL.project] === project);
  const cause = 'it goes with the project';
  const remnants: Remnant[] = there
    ? [{ what: 'the repository of backups', names: [repository], steps: [{ kind: 'remove-volumes', names: [repository], cause }] }]
    : [];
  const folder = repositoryFolder(loaded);
  if (folder && exists(path.join(folder, PROOF)))
    remnants.push({
      what: 'the repository of backups',
      names: [folder],
      ...(isRepositoryOf(state, folder)
        ? { steps: [{ kind: 'empty-repository', folder, cause: 'asked for by --backups' }], backups: true }
        : { steps: [], stays: 'this state folder knows no backup in it: it may be the repository of another installation' }),
    });
  const previews = volumes.flatMap(({ labels }) => (labels[LABEL.previewOf] === project ? [labels[LABEL.preview] ?? ''] : []));
  for (const preview of new Set(previews.filter(Boolean)))
    remnants.push({ what: 'a preview of a backup', names: [preview], steps: [{ kind: 'remove-preview', preview, cause }] });
  return remnants;
}

/** The folder stays: a disk may be mounted there. Its proof goes last, so that an interrupted run can be repeated. */
export function emptyRepository(folder: string): void {
  const names = readdirSync(folder).filter((name) => name !== PROOF && name !== 'lost+found');
  for (const name of [...names, PROOF]) removeTree(path.join(folder, name));
}
