import { UserError } from '../../core/errors.ts';

/** The application's database, and the role that owns it (services/database). */
export const DATABASE = 'medianest';

/** The comment of a database that an import has made: a rehearsal may replace it. */
export const MADE = 'made by medianest import database';

/** A database that is being imported: what a killed import has left is removed by its name. */
const HALF = 'medianest_import_';
/** A database that an import or its way back has replaced. */
const KEPT = 'medianest_before_';

const stamp = (now: Date): string => now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_');

export const halfName = (now: Date): string => `${HALF}${stamp(now)}`;
export const keptName = (now: Date): string => `${KEPT}${stamp(now)}`;

/** @returns those that a killed import has left */
export const halfNames = (databases: readonly string[]): string[] => databases.filter((name) => name.startsWith(HALF));

/** @returns databases that were replaced, the newest first */
export const keptNames = (databases: readonly string[]): string[] =>
  databases
    .filter((name) => name.startsWith(KEPT))
    .sort()
    .reverse();

/** A database of a person's choice, for a rehearsal. @throws UserError USAGE */
export function rehearsalName(name: string): string {
  if (
    /^[a-z_][a-z0-9_]{0,62}$/.test(name) &&
    !['postgres', 'template0', 'template1', DATABASE].includes(name) &&
    !name.startsWith('medianest_')
  )
    return name;
  throw new UserError(
    'USAGE',
    `--into ${name}: should be the name of another database, of small letters, digits and _`,
    'for example --into rehearsal',
  );
}
