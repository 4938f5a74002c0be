import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { readOptional, writeAtomic, writing } from '../core/files.ts';
import { withBriefLock } from './lock.ts';
import { type AuditVerdict, nextLine, verifyChain } from './plan/audit-chain.ts';

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

/** Beside the log: the end of its chain. */
const headOf = (file: string): string => file.replace(/\.jsonl$/, '.head');

const notedHead = (file: string): string | undefined => readOptional(headOf(file))?.trim() || undefined;

/** Appends one line to the chain (plan/audit-chain.ts). Several processes wait for each other. */
export function appendAudit(file: string, entry: AuditEntry): void {
  writing(file, () => {
    mkdirSync(path.dirname(file), { recursive: true });
    withBriefLock(`${file}.lock`, 'audit', () => {
      const log = readOptional(file) ?? '';
      const { line, chain } = nextLine(log, entry, notedHead(file));
      const handle = openSync(file, 'a', 0o640);
      try {
        // A crash may have cut the last line short: it must not take this one along.
        writeSync(handle, `${log === '' || log.endsWith('\n') ? '' : '\n'}${line}\n`);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      writeAtomic(headOf(file), `${chain}\n`, 0o640);
    });
  });
}

/**
 * Whether the log is what was written (plan/audit-chain.ts).
 * @param noted an end of the chain that was noted elsewhere
 */
export function verifyAudit(file: string, noted?: string): AuditVerdict {
  const head = notedHead(file);
  return verifyChain(readOptional(file) ?? '', [
    ...(head ? [{ head, where: path.basename(headOf(file)) }] : []),
    ...(noted ? [{ head: noted, where: '--head' }] : []),
  ]);
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
