import os from 'node:os';

/** Who runs this, by name; by number where the system has no name for it, as in a container with a uid of its own. */
export function currentUser(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
