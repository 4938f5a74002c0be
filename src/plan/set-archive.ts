/** Where in an archive of a set things are: it is a small repository of its own, and what tells how to use it. */
const PLACES = /^(SHA256SUMS|RESTORE\.txt|repository\.id|files\/.+|pgbackrest(-[0-9]+)?\/(archive|backup)\/.+)$/;

/** Why a file of this name is not taken out of an archive; undefined where it may be. */
export function nameProblem(name: string): string | undefined {
  const hostile = name.split('/').some((part) => part === '' || part === '.' || part === '..');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  if (hostile || /[\x00-\x1f\x7f\\]/.test(name)) return 'has a name that could lead elsewhere';
  return PLACES.test(name) ? undefined : 'does not belong into it';
}
