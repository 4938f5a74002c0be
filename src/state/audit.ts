import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { readOptional, writing } from '../core/files.ts';

/** One line of the audit log: who changed what, when, and how it ended. */
export interface AuditEntry {
  time: string;
  user: string;
  command: string;
  /** Of what no person decided. */
  reason?: string;
  plan: string;
  result: 'done' | 'failed' | 'interrupted';
  error?: string;
  seconds: number;
}

/** Appends one line; O_APPEND keeps lines of several processes apart. */
export function appendAudit(file: string, entry: AuditEntry): void {
  writing(file, () => {
    mkdirSync(path.dirname(file), { recursive: true });
    const handle = openSync(file, 'a', 0o640);
    try {
      writeSync(handle, `${JSON.stringify(entry)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  });
}

/** Every entry, the oldest first. A last line that was cut short by a crash is left out. */
export function readAudit(file: string): AuditEntry[] {
  const lines = (readOptional(file) ?? '').split('\n').filter(Boolean);
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as AuditEntry];
    } catch {
      return [];
    }
  });
}
