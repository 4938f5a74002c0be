import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Who runs this, by name; by number where the system has no name for it, as in a container with a uid of its own. */
export function currentUser(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** The name of a user of this host by number; undefined where /etc/passwd has none, as for users of a directory service. */
export function userName(uid: number): string | undefined {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find(([, , number]) => number === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
