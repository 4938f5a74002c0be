import { namesOf } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';
import type { BackupSet } from './backup-sets.ts';
import { cacheNodes, databaseMembers } from './holds.ts';

export const PARTS = ['db', 'files', 'redis', 'settings'] as const;
/** A part of a set that can be restored alone. */
export type Part = (typeof PARTS)[number];

/** What is asked of a restore. */
export interface RestoreIntent {
  kind: 'new' | 'bare' | 'into' | 'sanitized' | 'undo' | 'go-on' | 'abandon';
  parts: readonly Part[];
  /** For a person. */
  target: string;
  /** Where new data comes from. */
  set: BackupSet | undefined;
}

/** Bytes a second that are restored at least, and seconds that stopping, starting and waiting for health take, on a small machine. */
const SPEED = 30 * 1024 ** 2;
const AROUND = { place: 60, into: 15, sanitized: 30 };

const NAMES = { db: 'the database', files: 'the uploads', redis: 'the cache', settings: 'medianest.yml and its profiles' } as const;

/** What uses the data that is replaced, and so is stopped. */
export const usersOf = (stack: Stack, parts: readonly Part[]): string[] => [
  ...namesOf(stack.services, 'application'),
  ...(parts.includes('db') ? databaseMembers(stack) : []).map(({ name }) => name),
  ...(parts.includes('redis') ? cacheNodes(stack) : []).map(({ name }) => name),
];

/**
 * What a restore will do, in its order, and for how long it should take.
 * @returns `expectedSeconds` is null where nothing tells how much there is
 */
export function restorePlan(
  stack: Stack,
  { kind, parts, target, set }: RestoreIntent,
): { steps: string[]; expectedSeconds: number | null } {
  const what = parts.map((part) => NAMES[part]).join(', ');
  const seconds = (around: number) => (set ? Math.ceil(set.sizeBytes / SPEED) + around : null);
  if (kind === 'sanitized')
    return {
      steps: [
        `restore the database as of ${target} where nobody can reach it, and replace personal data as backup.sanitize says`,
        'copy the result into a project of its own, and prove that nothing of before is left; uploads and sessions are left out',
        'start a portal before it that leads nowhere',
      ],
      expectedSeconds: seconds(AROUND.sanitized),
    };
  if (kind === 'into')
    return {
      steps: [
        `restore the database and the uploads as of ${target} into a project of its own`,
        'start a portal before them that leads nowhere',
      ],
      expectedSeconds: seconds(AROUND.into),
    };
  if (kind === 'abandon')
    return {
      steps: [`take back what the restore of ${target} has replaced`, 'start everything, and wait until it is healthy'],
      expectedSeconds: null,
    };
  const data = parts.filter((part) => part !== 'settings');
  const db = parts.includes('db');
  const stopped = usersOf(stack, parts);
  const steps = [
    ...(kind === 'go-on' || kind === 'bare' ? [] : ['back up what there is now, for `restore --undo`']),
    ...(db && (kind === 'new' || kind === 'bare') ? [`restore the database as of ${target} beside the one that runs`] : []),
    ...(db && kind === 'undo' ? ['make the database that was put aside ready'] : []),
    ...(data.length > 0 ? [`stop ${stopped.join(', ')}: the portal is away from here on`, `replace ${what}`] : [`write ${what}`]),
    ...(data.length > 0 ? ['start everything, and wait until it is healthy'] : []),
    ...(db ? ['make a new full backup'] : []),
  ];
  return { steps, expectedSeconds: data.length > 0 ? seconds(AROUND.place) : kind === 'new' ? 20 : null };
}
