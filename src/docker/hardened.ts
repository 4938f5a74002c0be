/** Arguments of `docker run` for a container of one purpose: it writes to memory alone, and can become nothing else. */
export const HARDENED: readonly string[] = [
  ...['--read-only', '--tmpfs', '/tmp:mode=1777', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'],
];
