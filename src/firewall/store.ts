import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, removeTree, writeAtomic, writing } from '../core/files.ts';
import { shortHash } from '../core/hash.ts';
import { currentUser } from '../core/user.ts';
import { appendAudit } from '../state/audit.ts';
import { acquireLock } from '../state/lock.ts';
import type { StateFolder } from '../state/state.ts';

/** `confirmed.nft` and `trial.nft`: what they are in the first line, the rules of the table in force in the rest. */
export type Kept = 'confirmed' | 'trial';

const FOLDER = 'firewall';

/** A confirmation has a minute: it waits for the other command that changes the firewall, and not for a backup. */
const LOCK_SECONDS = 30;

export const firewallFolder = (state: StateFolder): string => state.at(FOLDER);
export const rulesFile = (state: StateFolder, kept: Kept): string => path.join(firewallFolder(state), `${kept}.nft`);

/** @returns undefined where there are none. @throws UserError STATE_DAMAGED */
export function readRules(state: StateFolder, kept: Kept): { text: string; at: string } | undefined {
  const file = rulesFile(state, kept);
  const whole = readOptional(file);
  if (whole === undefined) return undefined;
  const [, at, text] = /^# (?:confirmed|tried until) (\S+)\n(.+)$/s.exec(whole) ?? [];
  if (at === undefined || text === undefined || !Number.isFinite(Date.parse(at)))
    throw new UserError(
      'STATE_DAMAGED',
      `${file} is damaged: its first line is not what was expected; nothing was changed`,
      'move it aside, then: sudo medianest firewall apply',
      { path: file },
    );
  return { text, at };
}

/** @param at when they were confirmed, or until when they are tried */
export function writeRules(state: StateFolder, kept: Kept, text: string, at: Date): void {
  writing(firewallFolder(state), () => void mkdirSync(firewallFolder(state), { recursive: true, mode: 0o755 }));
  writeAtomic(rulesFile(state, kept), `# ${kept === 'confirmed' ? 'confirmed' : 'tried until'} ${at.toISOString()}\n${text}`);
}

export const removeRules = (state: StateFolder, kept: Kept): void => removeTree(rulesFile(state, kept));

export const hasFirewall = (state: StateFolder): boolean => exists(firewallFolder(state));

/** One change of the firewall at a time, with its line in the audit log however it ends. */
export async function changing<T>(context: Context, state: StateFolder, command: string, change: () => Promise<T>): Promise<T> {
  state.open();
  const lock = await acquireLock(state.at('firewall.lock'), `medianest ${command}`, LOCK_SECONDS, context.signal, (holder) =>
    context.report.note(`waiting for \`${holder.command}\` by ${holder.user} (process ${holder.pid})`),
  );
  const started = context.clock.now();
  const audit = (result: 'done' | 'failed', error?: string) =>
    appendAudit(state.at('audit.jsonl'), {
      time: started.toISOString(),
      user: currentUser(),
      command: `medianest ${command}`,
      plan: shortHash(command),
      result,
      ...(error && { error }),
      seconds: (context.clock.now().getTime() - started.getTime()) / 1000,
    });
  try {
    const value = await change();
    audit('done');
    return value;
  } catch (error) {
    try {
      audit('failed', error instanceof UserError ? error.code : 'UNEXPECTED');
    } catch (auditError) {
      context.report.warn(`the audit log could not be written: ${(auditError as Error).message}`);
    }
    throw error;
  } finally {
    lock.release();
  }
}
