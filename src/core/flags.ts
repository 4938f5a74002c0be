import { UserError } from './errors.ts';

/** What an option's text means. Commands read it by these, so that all else is given values. */

/** The text of an option, undefined where it was not given. */
export const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));

/** `a, b` -> its parts. */
export const listOf = (value: unknown): string[] | undefined =>
  textOf(value)
    ?.split(',')
    .map((part) => part.trim());

/**
 * A whole number between bounds.
 * @param should goes on after `should be `, for example `a number of seconds`
 * @throws UserError USAGE
 */
export function numberOf(
  option: string,
  value: unknown,
  { least = 1, most = Number.MAX_SAFE_INTEGER, should, example }: { least?: number; most?: number; should: string; example: number },
): number | undefined {
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (Number.isInteger(parsed) && parsed >= least && parsed <= most) return parsed;
  throw new UserError('USAGE', `${option} ${value}: should be ${should}`, `for example ${option} ${example}`);
}

/** `--timeout` */
export const waitSecondsOf = (value: unknown): number | undefined =>
  numberOf('--timeout', value, { should: 'a number of seconds', example: 300 });
