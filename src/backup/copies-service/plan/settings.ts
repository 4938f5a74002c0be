/** What templates/backup-copies/config/copies.conf.hbs renders. */
export interface ServiceSettings {
  names: string[];
  /** KeyVersions that sets may be in now: the names of their folders. */
  folders: string[];
  periodSeconds: number;
}

/** @throws Error where a line is missing */
export function parseSettings(text: string): ServiceSettings {
  const of = (key: string): string => {
    const value = new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`copies.conf has no ${key}`);
    return value;
  };
  const words = (key: string) => of(key).split(' ').filter(Boolean);
  return { names: words('NAMES'), folders: words('FOLDERS'), periodSeconds: Number(of('PERIOD')) };
}

/** rclone’s settings with the secrets that they name: `key = @secret`. @param secret the content of its file */
export const withSecrets = (text: string, secret: (name: string) => string): string =>
  text.replace(/^([a-z_]+) = @([a-z0-9-]+)$/gm, (_, key: string, name: string) => `${key} = ${secret(name).split('\n')[0]}`);

/**
 * KeyVersions that may be in a copy: those of now, and those that were ever sent.
 * @param sent their folders, one a line
 */
export const foldersThere = (folders: readonly string[], sent: string): string[] =>
  [...new Set([...folders, ...sent.split(/\s+/).filter(Boolean)])].sort();

/** KeyVersions that are here, of all that is in the repository. */
export const foldersHere = (entries: readonly string[]): string[] =>
  entries.filter((name) => name === 'pgbackrest' || name.startsWith('pgbackrest-')).sort();
