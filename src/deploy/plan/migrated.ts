import type { Noted } from '../../capability/noted.ts';
import type { Release } from './releases.ts';

/** What a release is recorded with. */
export const migrationOf = ({ migrated, restorePoint }: Noted): Pick<Release, 'migrated' | 'restorePoint'> =>
  migrated ? { migrated, ...(restorePoint && { restorePoint }) } : {};

/** Migrations that a rollback would leave in the database. */
export interface MigratedSince {
  releases: string[];
  /** The set that was made before the first of them; null where there is none. */
  restorePoint: string | null;
  /** What puts the database back, and loses what was written since. */
  command: string | null;
}

/** @returns undefined where the database is as this release knew it, as far as migrations are known */
export function migratedSince(releases: readonly Release[], target: Release): MigratedSince | undefined {
  const index = releases.findIndex(({ id }) => id === target.id);
  const later = releases.slice(index + 1).filter(({ migrated }) => migrated);
  const [first] = later;
  if (!first) return undefined;
  const restorePoint = first.restorePoint ?? null;
  return {
    releases: later.map(({ id }) => id),
    restorePoint,
    command: restorePoint && `medianest restore ${restorePoint} --only db`,
  };
}

export const migratedText = ({ releases, restorePoint, command }: MigratedSince, target: string): string =>
  `the database was migrated since ${target} served (by ${releases.join(', ')}), and a rollback leaves it so: ${target} may not understand it\n  Fix: ${
    command
      ? `where it does not: \`${command}\` puts the database back to ${restorePoint}, and loses what was written since`
      : 'no restore point was made before that; `medianest backup list` shows the sets that there are'
  }`;
