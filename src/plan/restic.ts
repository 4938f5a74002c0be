import type { FilesPart } from './backup-sets.ts';

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

/** What restic says about files that it could not read. */
export const unreadable = (output: string): string[] =>
  lines(output).flatMap((line) =>
    line.message_type === 'error' ? [`${String(line.item)}: ${(line.error as { message?: string })?.message}`] : [],
  );

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
