/** Below the folder of a generation (services/backup-generation.ts). */
export const BACKUP = 'backup/medianest';

/** Where a label is in the repository: `pgbackrest/20260101-000000F` -> `pgbackrest/backup/medianest/20260101-000000F`. */
export function labelFolder(label: string): string {
  const [folder = '', ...name] = label.split('/');
  return `${folder}/${BACKUP}/${name.join('/')}`;
}

/** Labels of a generation’s folder, without what pgBackRest keeps beside them. @param names one a line */
export const labelsIn = (folder: string, names: string): string[] =>
  names
    .split('\n')
    .filter((name) => /^\d{8}-\d{6}F/.test(name))
    .map((name) => `${folder}/${name}`);

/**
 * What `rclone copy` is told for each part of a label, in this order. A label whose manifest is there is whole; where the
 * manifest itself is half there, pgBackRest reads its copy.
 */
export const LABEL_PARTS: readonly (readonly string[])[] = [
  ['--exclude', 'backup.manifest*'],
  ['--include', 'backup.manifest.copy'],
  ['--include', 'backup.manifest'],
];

/** Labels that are in a copy and not wanted there, those first that build on others: their names are longer, or later. */
export const surplusLabels = (there: readonly string[], wanted: readonly string[]): string[] =>
  there.filter((label) => !wanted.includes(label)).sort((a, b) => b.length - a.length || (a < b ? 1 : -1));
