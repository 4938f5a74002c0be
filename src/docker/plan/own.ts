/** Program and arguments that give folders and what is in them to a user: only what is another's, so that a second run changes nothing. */
export const ownerArgv = (folders: readonly string[], uid: number, gid: number): string[] => [
  ...['find', ...folders, '!', '-user', String(uid)],
  ...['-exec', 'chown', '--no-dereference', '--', `${uid}:${gid}`, '{}', '+'],
];

/** The same, of what belongs to one user alone. */
export const handOverArgv = (folder: string, from: number, uid: number, gid: number): string[] => [
  ...['find', folder, '-user', String(from)],
  ...['-exec', 'chown', '--no-dereference', '--', `${uid}:${gid}`, '{}', '+'],
];
