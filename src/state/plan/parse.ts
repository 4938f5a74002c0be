import { UserError } from '../../core/errors.ts';
import type { Without } from './record.ts';

/** A state file's contents. @throws UserError STATE_DAMAGED where it is no JSON, or not what `fits` expects */
export function parseJson(text: string, file: string, without: Without, fits: (value: unknown) => boolean): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (fits(value)) return value;
  } catch (error) {
    // Node.js quotes what stands around the fault, which may be a secret.
    throw damaged(file, (error as Error).message.replace(/, (?:\.{3})?".*$/s, ' where none may be'), without);
  }
  throw damaged(file, 'its contents are not what was expected', without);
}

/** @param without what becomes of the project without the file */
const damaged = (file: string, how: string, without: Without): UserError =>
  new UserError(
    'STATE_DAMAGED',
    `${file} is damaged: ${how}; nothing was changed`,
    typeof without === 'string' ? `restore it, or move it aside and run \`medianest up\` again: ${without}` : without.fix,
    { path: file },
  );
