/** Program and arguments that give a folder and what is in it to a user: only what is another's, so that a second run changes nothing. */
export const ownerArgv = (folder: string, uid: number, gid: number): string[] => [
  ...['find', folder, '!', '-user', String(uid)],
  ...['-exec', 'chown', '--no-dereference', '--', `${uid}:${gid}`, '{}', '+'],
];

/** The same, of what belongs to one user alone. */
export const handOverArgv = (folder: string, from: number, uid: number, gid: number): string[] => [
  ...['find', folder, '-user', String(from)],
  ...['-exec', 'chown', '--no-dereference', '--', `${uid}:${gid}`, '{}', '+'],
];
