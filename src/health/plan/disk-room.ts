import type { Check } from '../../capability/check.ts';

/** The disk of a volume or folder with data. */
export interface Room {
  /** For people: `the database`. */
  what: string;
  id: string;
  free: number;
  /** Of its file system; undefined where it counts none. */
  inodes?: { free: number; all: number } | undefined;
}

/** What is given up there below the reserve, and what makes room. */
const REMEDIES: Readonly<Record<string, string>> = {
  database: 'free some space on its disk (docker system df, medianest backup prune) or enlarge it: PostgreSQL stops where there is none',
  repository: 'medianest backup prune, a larger disk, or a shorter `backup.local.keep.daily`: below the reserve no backup is begun',
  uploads: 'delete uploads, or enlarge the disk: below the reserve uploads are refused, and all else works',
};

const FEW_INODES = 0.05;
const LAST_INODES = 1000;

/** Below the reserve it fails, below twice the reserve it warns. @param text how a size in bytes is told */
export function roomCheck({ what, id, free, inodes }: Room, reserve: number, text: (bytes: number) => string): Check {
  const check = { id: `disk.${id}`, value: free, message: `${what}: ${text(free)} free on its disk (reserve: ${text(reserve)})` };
  if (free >= reserve && inodes && inodes.free < FEW_INODES * inodes.all)
    return {
      ...check,
      status: inodes.free < LAST_INODES ? 'fail' : 'warn',
      message: `${what}: ${inodes.free} of ${inodes.all} inodes are free on its disk: then it takes no file more, whatever room there is`,
      remedy: 'remove many small files there (df --inodes; du --inodes shows where they are)',
    };
  if (free >= 2 * reserve) return { ...check, status: 'ok' };
  return { ...check, status: free < reserve ? 'fail' : 'warn', remedy: REMEDIES[id] as string };
}

const NEARLY = 0.9;

/** What the uploads take of what they may. @param answer of the portal's own program */
export function quotaCheck(answer: string, text: (bytes: number) => string): Check | undefined {
  const { used, quota } = parsed(answer);
  if (typeof used !== 'number' || typeof quota !== 'number') return undefined;
  const check = { id: 'uploads.quota', value: used, message: `uploads take ${text(used)} of ${text(quota)}` };
  if (used < NEARLY * quota) return { ...check, status: 'ok' };
  const remedy = 'delete uploads, or raise `app.uploadQuota`: beyond it uploads are refused';
  return { ...check, status: used >= quota ? 'fail' : 'warn', remedy };
}

function parsed(answer: string): { used?: unknown; quota?: unknown } {
  try {
    return (JSON.parse(answer) ?? {}) as object;
  } catch {
    return {};
  }
}
