/**
 * The cipher of the repository, by the line of pgBackRest's configuration that grep was asked for.
 * @returns `none` where there is none; undefined where the file could not be read
 */
export function cipherText({ exitCode, output }: { exitCode: number; output: string }): string | undefined {
  // 1: no line fits, and pgBackRest's default is none. Anything else is no answer.
  if (exitCode > 1) return undefined;
  const cipher = exitCode === 0 ? (output.trim().split('=')[1] ?? 'none') : 'none';
  return cipher === 'none' ? 'none' : `${cipher} (pgBackRest), AES-256 (restic)`;
}
