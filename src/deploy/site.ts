import type { Context } from '../capability/capability.ts';
import { shortHash } from '../core/hash.ts';
import { currentUser } from '../core/user.ts';
import type { Engine, ImageInfo } from '../docker/types.ts';
import type { Step } from '../reconcile/plan/step.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { AppVersion } from '../stack/overrides.ts';
import type { StateFolder } from '../state/state.ts';
import type { MigratedSince } from './plan/migrated.ts';
import type { Release, ReleaseImage } from './plan/releases.ts';
import type { WatchOutcome } from './watch.ts';

export interface DeployAsked {
  /** The image to deploy; the settings' own where not given. */
  image?: string | undefined;
  /** Ask the registry even where the engine has the image. */
  pull: boolean;
  /** Back to this release, or to the one before the current where it is `previous`. */
  to?: string | undefined;
  waitSeconds: number | undefined;
}

export interface DeployOutcome {
  release: string;
  previous: string | null;
  image: string;
  replicas: number;
  result: 'deployed' | 'reverted' | 'planned';
  seconds: number;
  /** How long visitors got a page instead, where the old replicas had to stop first. */
  outageSeconds?: number;
  /** Of a rollback to replicas that still ran: when visitors were back with them. */
  switchedSeconds?: number;
  /** The set that was made before the migration. */
  restorePoint?: string;
  /** Of a rollback: migrations that it leaves in the database. */
  migratedSince?: MigratedSince;
  /** The errors of the new release while they were watched, and of the one before. */
  watched?: WatchOutcome;
  /** The release before: its replicas still run, and `rollback` switches to them. */
  kept?: { release: string; until: string | null };
  /** Why it was reverted. */
  error?: { code: string; message: string; hint: string };
  steps?: Step[];
}

/** The line that a deploy leaves in the audit log. */
export interface Audit {
  record(plan: unknown): void;
  /** It was rolled back. @param reason why, of what no person decided */
  fail(code: string, reason?: string): void;
}

/** What a deploy works with, and what it was asked for. */
export interface Site {
  context: Context;
  loaded: Loaded;
  state: StateFolder;
  engine: Engine;
  asked: DeployAsked;
  /** As the audit log names it. */
  command: string;
  started: Date;
}

export const secondsSince = (context: Context, started: Date): number => (context.clock.now().getTime() - started.getTime()) / 1000;

/** What the list of releases says of this one. */
export function releaseEntry(
  site: Site,
  { release, candidate }: { release: string; candidate: { image: string; version: AppVersion } },
  image: ImageInfo & { images?: Record<string, ReleaseImage> },
  result: Release['result'],
  more: Pick<Release, 'error' | 'migrated' | 'restorePoint'> = {},
): Release {
  return {
    id: release,
    image: candidate.image,
    imageId: image.id,
    digests: image.digests,
    ...(Object.keys(image.images ?? {}).length > 0 && { images: image.images }),
    settings: shortHash(candidate.version),
    version: candidate.version,
    time: site.started.toISOString(),
    user: currentUser(),
    command: site.command,
    result,
    seconds: secondsSince(site.context, site.started),
    ...more,
  };
}
