import { chownSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemCode, UserError } from '../core/errors.ts';
import { exists, readOptional, writeAtomic, writing } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { withBriefLock } from './lock.ts';
import { type AuditVerdict, nextLine, verifyChain, withoutHead } from './plan/audit-chain.ts';

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

/** Beside the log: the change that runs. */
const openOf = (file: string): string => file.replace(/\.jsonl$/, '.open');

/** Root works for the owner of the folder (`sudo medianest firewall apply`), who has to read and continue what root has written. */
export function giveToOwner(file: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(path.dirname(file));
  if (statSync(file).uid === uid) return;
  try {
    chownSync(file, uid, gid);
  } catch {
    // A file system that gives nothing away (NFS) has not made it root's either.
  }
}

type Begun = Pick<AuditEntry, 'time' | 'user' | 'command' | 'reason' | 'plan'>;

/** Notes that a change begins, so that one whose process is killed is not missing from the log. */
export function beginAudit(file: string, begun: Begun): void {
  writeAtomic(openOf(file), `${JSON.stringify(begun)}\n`, 0o640);
  giveToOwner(openOf(file));
}

/** Appends the end of a change that `beginAudit` has noted. */
export function endAudit(file: string, entry: AuditEntry): void {
  appendAudit(file, entry);
  rmSync(openOf(file), { force: true });
}

/**
 * Appends the change of a process that was killed, if there is one. To be called with the lock: what is open then has no process.
 * @returns whether there was one
 */
export function noteKilled(file: string): boolean {
  const text = readOptional(openOf(file));
  if (text === undefined) return false;
  const begun = parsed<Begun>(text);
  // It was killed between its line and the removal of this note; others may have written lines since.
  const noted = readAudit(file).some(({ time, command }) => time === begun?.time && command === begun.command);
  if (begun && !noted) appendAudit(file, { ...begun, result: 'interrupted', error: 'KILLED', seconds: 0 });
  rmSync(openOf(file), { force: true });
  return true;
}

/** Whether a change runs, or was killed and is not noted yet. */
export const isChangeOpen = (file: string): boolean => exists(openOf(file));

/** Appends lines to the chain (plan/audit-chain.ts), with one read of it. Several processes wait for each other. */
export function appendAudit(file: string, ...entries: readonly AuditEntry[]): void {
  if (entries.length === 0) return;
  writing(file, () => {
    mkdirSync(path.dirname(file), { recursive: true });
    withBriefLock(`${file}.lock`, 'audit', () => {
      const log = readOptional(file) ?? '';
      let [before, chain] = [log, notedHead(file)];
      let text = '';
      for (const entry of entries) {
        const next = nextLine(before, entry, chain);
        text += `${next.line}\n`;
        [before, chain] = [`${next.line}\n`, next.chain];
      }
      const handle = openSync(file, 'a', 0o640);
      try {
        // A crash may have cut the last line short: it must not take this one along.
        // Not writeSync: on a disk that is nearly full it writes a part, and reports no error.
        writeFileSync(handle, `${log === '' || log.endsWith('\n') ? '' : '\n'}${text}`);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      writeAtomic(headOf(file), `${chain}\n`, 0o640);
      for (const written of [file, headOf(file)]) giveToOwner(written);
      leaveForAgent(file);
    });
  });
}

/** The folder that the agent sees, where it ships the audit log. */
const leftIn = (file: string): string => file.replace(/\.jsonl$/, '');

/** A whole copy each time: what a full disk or a crash has kept from it is there with the next line. */
function leaveForAgent(file: string): void {
  try {
    if (exists(leftIn(file))) writeAtomic(path.join(leftIn(file), path.basename(file)), readOptional(file) ?? '', 0o644);
  } catch (error) {
    // The log itself is written. A fault of the copy must not make a change fail that is done.
    if (!(error instanceof UserError) && !systemCode(error)) throw error;
  }
}

/** Beside the log: the logs before it, which were not what was written. */
const acceptedIn = (file: string): string => path.join(path.dirname(file), 'audit-accepted');

/**
 * Begins another log in place of one that is not what was written: what it holds is kept beside it, and the first line of the new chain says
 * who accepted that and why, with the SHA-256 of what is kept. If it is killed, the same again completes it.
 * @param entry its `reason` is the person's
 * @returns the file that the old log is kept as, or undefined where the log is as it was written: nothing was changed
 */
export function acceptAudit(file: string, entry: Omit<AuditEntry, 'plan' | 'result' | 'seconds'>): string | undefined {
  return writing(file, () =>
    withBriefLock(`${file}.lock`, 'audit accept', () => {
      if (verifyAudit(file).valid) return undefined;
      const old = readOptional(file) ?? '';
      const name = `${entry.time.replaceAll(':', '-')}.jsonl`;
      const kept = path.join(acceptedIn(file), name);
      // It never replaces what was kept before; the clock may have been set back.
      if (exists(kept))
        throw new UserError('STATE_UNWRITABLE', `${kept} is there already; nothing was changed`, 'run the same command again');
      writeAtomic(kept, old, 0o640);
      const head = notedHead(file);
      if (head) writeAtomic(headOf(kept), `${head}\n`, 0o640);
      const sum = sha256(old);
      const reason = `${entry.reason}; the log before is kept as ${path.basename(acceptedIn(file))}/${name}, SHA-256 ${sum}`;
      const { line, chain } = nextLine('', { ...entry, reason, plan: sum.slice(0, 12), result: 'done', seconds: 0 });
      writeAtomic(file, `${line}\n`, 0o640);
      writeAtomic(headOf(file), `${chain}\n`, 0o640);
      for (const written of [acceptedIn(file), kept, ...(head ? [headOf(kept)] : []), file, headOf(file)]) giveToOwner(written);
      leaveForAgent(file);
      return kept;
    }),
  );
}

/**
 * Whether the log is what was written (plan/audit-chain.ts).
 * @param noted an end of the chain that was noted elsewhere
 */
export function verifyAudit(file: string, noted?: string): AuditVerdict {
  const head = notedHead(file);
  const where = path.basename(headOf(file));
  const verdict = verifyChain(readOptional(file) ?? '', [
    ...(head ? [{ head, where }] : []),
    ...(noted ? [{ head: noted, where: '--head' }] : []),
  ]);
  return head ? verdict : withoutHead(verdict, where);
}

/** Every entry, the oldest first. A last line that was cut short by a crash is left out. */
export function readAudit(file: string): AuditEntry[] {
  const lines = (readOptional(file) ?? '').split('\n').filter(Boolean);
  return lines.flatMap((line) => parsed<AuditEntry>(line) ?? []);
}

/** Every entry of the logs that `audit accept` has put aside. */
export function readAccepted(file: string): AuditEntry[] {
  const folder = acceptedIn(file);
  if (!exists(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return names.sort().flatMap((name) => readAudit(path.join(folder, name)));
}

function parsed<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}
