import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Leaving, Remnant } from '../capability/capability.ts';
import { exists, removeTree } from '../core/files.ts';
import { REPOSITORY_VOLUME } from '../services/backup/backup.ts';
import type { BackupSettings } from '../services/backup/settings/backup-settings.ts';
import { LABEL, volumeName } from '../stack/labels.ts';

/** Proves that a folder is the repository, and no other one. */
const PROOF = 'repository.id';

/** The repository, and previews of its sets. */
export async function backupRemains({ project: { loaded }, engine }: Leaving): Promise<Remnant[]> {
  const { project } = loaded.settings;
  const volumes = await engine.volumes();
  const repository = volumeName(project, REPOSITORY_VOLUME);
  const there = volumes.some(({ name, labels }) => name === repository && labels[LABEL.project] === project);
  const cause = 'it goes with the project';
  const remnants: Remnant[] = there
    ? [{ what: 'the repository of backups', names: [repository], steps: [{ kind: 'remove-volumes', names: [repository], cause }] }]
    : [];
  const own = loaded.settings.backup as BackupSettings | undefined;
  const folder = own?.local.kind === 'folder' && own.local.path ? path.resolve(loaded.root, own.local.path) : undefined;
  if (folder && exists(path.join(folder, PROOF)))
    remnants.push({
      what: 'the repository of backups',
      names: [folder],
      steps: [{ kind: 'empty-repository', folder, cause: 'asked for by --backups' }],
      backups: true,
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
