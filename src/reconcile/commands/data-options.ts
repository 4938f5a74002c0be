import type { Options } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const NEW_DATA = [
  '--new-data',
  'Where the project has another name than before, or its database was to be carried: begin without that data; the old volumes stay',
] as const;

export const CARRY_DATA = [
  '--carry-data',
  'Data comes along: verified copies of all volumes to a new name, or the database of one server (dev-compose) into a cluster; the old volumes stay',
] as const;

/** @throws UserError USAGE where both are given */
export function refuseBoth({ newData, carryData }: Options): void {
  if (newData && carryData)
    throw new UserError(
      'USAGE',
      '--new-data begins empty, and --carry-data does not',
      'give one of them: medianest plan --carry-data shows what it would do',
    );
}
