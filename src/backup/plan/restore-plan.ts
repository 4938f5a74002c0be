import type { Stack } from '../../stack/types.ts';
import type { BackupSet } from './backup-sets.ts';
import type { Part } from './restore-part.ts';
import { afterSteps, finishSteps, headlines, prepareSteps, replaceSteps } from './restore-steps.ts';
import type { RestoreTarget } from './restore-target.ts';

/** What is asked of a restore. */
export interface RestoreIntent {
  kind: 'new' | 'bare' | 'into' | 'sanitized' | 'undo' | 'resume' | 'abandon';
  parts: readonly Part[];
  /** Of one that is resumed: its data is in its place. */
  replaced?: boolean | undefined;
  /** For a person. */
  says: string;
  /** Where new data comes from. */
  target: RestoreTarget | undefined;
}

/** Bytes a second that are restored at least, and seconds that stopping, starting and waiting for health take, on a small machine. */
const SPEED = 30 * 1024 ** 2;
const AROUND = { place: 60, into: 15, sanitized: 30 };

/** What a restore will do, in its order. */
export interface RestorePlan {
  steps: string[];
  /** For how long it should take; null where nothing tells how much there is. */
  expectedSeconds: number | null;
}

/** Of a restore in place these are the steps that `execute` runs (restore-steps.ts). */
export function restorePlan(stack: Stack, { kind, parts, replaced, says, target }: RestoreIntent): RestorePlan {
  const seconds = (around: number) => (target ? Math.ceil(target.set.sizeBytes / SPEED) + around : null);
  if (kind === 'sanitized')
    return {
      steps: [
        `restore the database as of ${says} where no client can reach it, and replace personal data as backup.sanitize says`,
        'copy the result into a project of its own, and prove that no old value is left; uploads and sessions are left out',
        'start a portal before it that leads nowhere',
      ],
      expectedSeconds: seconds(AROUND.sanitized),
    };
  if (kind === 'into')
    return {
      steps: [
        `restore the database and the uploads as of ${says} into a project of its own`,
        'start a portal before them that leads nowhere',
      ],
      expectedSeconds: seconds(AROUND.into),
    };
  if (kind === 'abandon')
    return {
      steps: [`take back what the restore of ${says} has replaced`, 'start everything, and wait until it is healthy'],
      expectedSeconds: null,
    };
  // Which set the data comes from, and which member has it, changes no line.
  const set = target?.set ?? ({} as BackupSet);
  const steps = [
    ...(kind === 'resume' ? [] : prepareSteps(parts, kind === 'undo' ? undefined : target, kind !== 'bare')),
    ...replaceSteps(stack, { parts, member: '', touched: [], replaced: replaced === true }, set),
    ...finishSteps(parts, set),
    ...afterSteps(stack, parts),
  ];
  const data = parts.some((part) => part !== 'settings');
  return { steps: headlines(steps, parts, says), expectedSeconds: data ? seconds(AROUND.place) : kind === 'new' ? 20 : null };
}
