import { systemCode, UserError } from '../../core/errors.ts';
import { type Found, isFound } from '../plan/evidence.ts';

/** Why something cannot be told, as a sentence for a person. */
export class Unseen extends Error {
  readonly fix: string | undefined;

  constructor(why: string, fix?: string) {
    super(why);
    this.fix = fix;
  }
}

/** What was read, or why it could not be. Any other error is a fault of ours, and ends the command. */
export async function attempt<T>(read: () => Promise<T> | T): Promise<Found<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    if (error instanceof Unseen) return { unknown: error.message, ...(error.fix && { fix: error.fix }) };
    if (error instanceof UserError && error.code !== 'INTERRUPTED')
      return { unknown: error.message.replace(/; nothing was changed$/, ''), fix: error.hint };
    if (!(error instanceof UserError) && systemCode(error)) return { unknown: (error as Error).message };
    throw error;
  }
}

/** What follows from something that may be unknown itself. */
export const after = async <T, U>(from: Found<T>, read: (value: T) => Promise<U> | U): Promise<Found<U>> =>
  isFound(from) ? attempt(() => read(from.value)) : from;

/** @throws Unseen where there is none: what all of no containers are like says nothing */
export function someOf<T>(containers: readonly T[]): T[] {
  if (containers.length === 0) throw new Unseen('nothing of this stack runs', '`medianest up`');
  return [...containers];
}
