import { UserError } from '../../core/errors.ts';

/** Which process of the application a container is one of, where there are several. */
export interface ProcessPlace {
  /** `app`, `backend`. */
  name: string;
  /** Its block of addresses, which it keeps; -1 for `app`. */
  number: number;
  /** Its place in a release. */
  order: number;
  /** Nothing stands before it that could drain it: a signal tells it to finish, and after so many seconds it is killed. */
  drains?: { seconds: number; settleSeconds: number };
}

/** Whether a container is of the first process of the application, or of the only one. */
export const isOfFirst = ({ process }: { process?: ProcessPlace | undefined }): boolean => (process?.number ?? -1) < 0;

interface Named {
  name: string;
  process?: ProcessPlace;
}

/** A name of the operator's choice is none of ours, whatever is switched on. @throws UserError INVALID_SETTINGS */
export function checkNames(services: readonly Named[], registry: readonly { name: string; key: string }[]): void {
  const ours = services.filter(({ process }) => !process).map(({ name }) => name);
  const taken = [...registry.flatMap(({ name, key }) => [name, key]), ...ours.flatMap((name) => [name, name.replace(/-\d+$/, '')])];
  const clash = services.map(({ process }) => process).find((process) => process && process.number >= 0 && taken.includes(process.name));
  if (!clash) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `services.${clash.name}: ${clash.name} is the name of a part of medianest; nothing was changed`,
    `give the process another name, such as ${clash.name}-process`,
  );
}
