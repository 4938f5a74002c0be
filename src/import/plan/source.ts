import { UserError } from '../../core/errors.ts';

/** Where a database is imported from. */
export type DatabaseSource =
  | { kind: 'file'; path: string }
  /** A running container of PostgreSQL, such as one of another Compose project. */
  | { kind: 'container'; container: string }
  /** @property url without the password */
  | { kind: 'url'; url: string; password: string | undefined };

const CONTAINER = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** @param text as it was typed @throws UserError USAGE */
export function databaseSource(text: string): DatabaseSource {
  if (text.startsWith('container:')) {
    const container = text.slice('container:'.length);
    if (CONTAINER.test(container)) return { kind: 'container', container };
    throw new UserError('USAGE', `${text}: should be container:NAME`, '`docker ps` lists the names');
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'file', path: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['postgresql:', 'postgres:'].includes(url.protocol) || url.hostname === '')
    throw new UserError('USAGE', 'SOURCE should be postgresql://USER@HOST:PORT/DATABASE, container:NAME, or a file', 'correct it');
  const password = url.password === '' ? undefined : decodedPassword(url.password);
  url.password = '';
  for (const secret of ['password', 'sslpassword']) url.searchParams.delete(secret);
  return { kind: 'url', url: url.href, password };
}

/** @throws UserError USAGE where a `%` in it is not followed by two digits */
function decodedPassword(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new UserError('USAGE', 'the password in the URL is not encoded as URLs are', 'leave it out: --password-file, or PGPASSWORD', {
      cause: error,
    });
  }
}

/** For people and the audit log; never with a password. */
export const sourceText = (source: DatabaseSource): string =>
  source.kind === 'file' ? source.path : source.kind === 'container' ? `container:${source.container}` : source.url;

/** What a file is, as its first bytes say (pg_backup_archiver.c, ustar). */
export function dumpFormat(first: Buffer): 'gzip' | 'zstd' | 'archive' | 'plain' | 'empty' {
  if (first.length === 0) return 'empty';
  if (first[0] === 0x1f && first[1] === 0x8b) return 'gzip';
  if (first.readUInt32BE && first.length >= 4 && first.readUInt32BE(0) === 0x28b52ffd) return 'zstd';
  if (first.toString('latin1', 0, 5) === 'PGDMP' || first.toString('latin1', 257, 262) === 'ustar') return 'archive';
  return 'plain';
}
