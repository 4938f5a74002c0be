import type { FilesPart } from './backup-sets.ts';
import { BLOCK } from './restore-room.ts';

/** The last line of JSON of `restic backup --json`: what it did. */
export function backupSummary(output: string): FilesPart {
  const summary = lines(output).find(({ message_type }) => message_type === 'summary') as
    | { snapshot_id: string; total_bytes_processed: number; total_files_processed: number; data_added_packed: number }
    | undefined;
  if (!summary) throw new Error('restic did not say what it did');
  return {
    snapshot: summary.snapshot_id.slice(0, 8),
    sizeBytes: summary.total_bytes_processed,
    storedBytes: summary.data_added_packed,
    files: summary.total_files_processed,
  };
}

/** The last line of JSON of `restic restore --json`: how much disk space the files it writes take. */
export function restoredBytes(output: string): number {
  const summary = lines(output).find(({ message_type }) => message_type === 'summary') as
    | { bytes_restored?: number; files_restored?: number }
    | undefined;
  if (!summary) throw new Error('restic did not say what it would do');
  return (summary.bytes_restored ?? 0) + BLOCK * (summary.files_restored ?? 0);
}

/** The lines of JSON of `restic ls --json`: whose a folder was; undefined where it is not among them. */
export const ownerOf = (output: string, folder: string): number | undefined => {
  const uid = lines(output).find(({ path }) => path === folder)?.uid;
  return typeof uid === 'number' ? uid : undefined;
};

/** What restic says about files that it could not read. */
export const unreadable = (output: string): string[] =>
  lines(output).flatMap((line) =>
    line.message_type === 'error' ? [`${String(line.item)}: ${(line.error as { message?: string })?.message}`] : [],
  );

/** Whether files that are not there any more are all that it complains of: those cannot be backed up. */
export function vanished(output: string): boolean {
  const errors = lines(output).filter(({ message_type }) => message_type === 'error');
  return (
    errors.length > 0 && errors.every(({ error }) => /no such file or directory$/.test((error as { message?: string })?.message ?? ''))
  );
}

function lines(output: string): Record<string, unknown>[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      return [];
    }
  });
}

/** What `du` says of `/source/uploads` and `/source/volumes/...`, which may have said more than that. */
export function measured(stdout: string): { uploadsBytes?: number; volumesBytes?: Record<string, number> } {
  const sizes = [...stdout.matchAll(/^(\d+)\t\/source\/(.+)$/gm)].map(([, bytes, part = '']) => [part, Number(bytes)] as const);
  const volumes = sizes.filter(([part]) => part !== 'uploads');
  const uploads = sizes.find(([part]) => part === 'uploads')?.[1];
  return {
    ...(uploads !== undefined && { uploadsBytes: uploads }),
    ...(volumes.length > 0 && { volumesBytes: Object.fromEntries(volumes) }),
  };
}
