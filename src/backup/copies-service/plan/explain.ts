const TELLING = /error|failed|fatal|critical|refuse/i;
/** A line of an error may be as long as a page. */
const LONGEST = 300;
const MIB = 1024 ** 2;
const NEARLY_FULL = 1024 * MIB;

/** Why a program failed: its last line that speaks of an error, without what rclone and restic put before it. */
function why(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const line = lines.filter((text) => TELLING.test(text)).at(-1) ?? lines.at(-1) ?? '';
  return line
    .replace(/^[0-9/]+ [0-9:]+ /, '')
    .replace(/^(ERROR|NOTICE|Fatal|CRITICAL) *: */, '')
    .slice(0, LONGEST);
}

/** Why a program failed, for a person. Both rclone and restic tell errors on stderr. */
export const failure = (stdout: string, stderr: string): string => why(stderr) || why(stdout) || 'it failed without a word';

/** The first file that `rclone check` complains of. */
export const firstDifference = (said: string): string =>
  said
    .split('\n')
    .find((line) => line.includes('ERROR'))
    ?.replace(/.*ERROR : /, '') ?? '';

/** SFTP has one word for a full disk, a quota and all else that a server refuses. */
export const needsFreeSpace = (error: string): boolean => error.includes('SSH_FX_FAILURE');

/** What `rclone about --json` tells of free space; undefined where the server does not say. */
export function freeBytes(about: string): number | undefined {
  const free = /"free": (\d+)/.exec(about)?.[1];
  return free === undefined ? undefined : Number(free);
}

/** Why a round failed, for a person. @param free bytes at the server, asked where `needsFreeSpace` */
export function explain(error: string, free: number | undefined): string {
  if (!needsFreeSpace(error)) return error;
  if (free !== undefined && free < NEARLY_FULL)
    return `the disk there is full or nearly so, ${Math.floor(free / MIB)} MiB are free: ${error}`;
  return `the server refuses to write, as where a quota is used up: ${error}`;
}
