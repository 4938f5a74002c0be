import { UserError } from '../../core/errors.ts';

/** Where a cache is imported from. */
export type CacheSource =
  | { kind: 'file'; path: string }
  /** A running container of Redis or Valkey; it is asked at its own loopback address. */
  | { kind: 'container'; container: string; port: number }
  /** @property url without the password */
  | { kind: 'url'; url: string; password: string | undefined };

const CONTAINER = /^([a-zA-Z0-9][a-zA-Z0-9_.-]*)(?::(\d{1,5}))?$/;
const PORT = 6379;

/** @param text as it was typed @throws UserError USAGE */
export function cacheSource(text: string): CacheSource {
  if (text.startsWith('container:')) {
    const [, container, port] = CONTAINER.exec(text.slice('container:'.length)) ?? [];
    if (container) return { kind: 'container', container, port: Number(port ?? PORT) };
    throw new UserError('USAGE', `${text}: should be container:NAME, or container:NAME:PORT`, '`docker ps` lists the names');
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'file', path: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new UserError('USAGE', 'SOURCE should be redis://USER@HOST:PORT, container:NAME, or an RDB file', 'correct it');
  let password: string | undefined;
  try {
    password = url.password === '' ? undefined : decodeURIComponent(url.password);
    decodeURIComponent(url.username);
  } catch (error) {
    throw new UserError('USAGE', 'the password in the URL is not encoded as URLs are', 'leave it out: --password-file, or REDISCLI_AUTH', {
      cause: error,
    });
  }
  url.password = '';
  if (!/^\/?$/.test(url.pathname))
    throw new UserError(
      'USAGE',
      'the URL names a database, and a server is read as a whole',
      'leave it out; --database NUMBER takes one alone',
    );
  url.search = '';
  return { kind: 'url', url: url.href, password };
}

/** For people and the audit log; never with a password. */
export const cacheSourceText = (source: CacheSource): string =>
  source.kind === 'file'
    ? source.path
    : source.kind === 'url'
      ? source.url
      : `container:${source.container}${source.port === PORT ? '' : `:${source.port}`}`;

/** Arguments of redis-cli that lead to it. The CA of a `rediss:` server is at /tmp/ca.pem. */
export function connectArgs(source: Exclude<CacheSource, { kind: 'file' }>): string[] {
  if (source.kind === 'container') return ['-h', '127.0.0.1', '-p', String(source.port)];
  const url = new URL(source.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return [
    ...['-h', host, '-p', url.port || String(PORT)],
    ...(url.username === '' ? [] : ['--user', decodeURIComponent(url.username)]),
    ...(url.protocol === 'rediss:' ? ['--tls', '--sni', host, '--cacert', '/tmp/ca.pem'] : []),
  ];
}

/** The password that a container of Redis is started with, as its usual images are told of it. @param config of `docker inspect` */
export function startedWith(config: { Env?: string[] | null; Cmd?: string[] | null; Entrypoint?: string[] | null }): string | undefined {
  const words = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const at = words.indexOf('--requirepass');
  const inWords =
    at < 0 ? /--requirepass\s+(?:"([^"]*)"|'([^']*)'|([^\s"'$]+))/.exec(words.join(' '))?.slice(1).find(Boolean) : words[at + 1];
  const inEnv = (config.Env ?? []).map((entry) => /^(?:REDIS|VALKEY)_PASSWORD=(.+)$/s.exec(entry)?.[1]).find(Boolean);
  return inWords ?? inEnv;
}

/** What the beginning of a file of Redis or Valkey says (rdb.c, "rdbSaveRio"); undefined where it is none. @param first its first 512 bytes, or fewer */
export function rdbHeader(first: Buffer): { format: number; server: string | undefined } | undefined {
  const text = first.toString('latin1');
  const format = /^(?:REDIS0|VALKEY)(\d{3})/.exec(text)?.[1];
  if (format === undefined) return undefined;
  const [, name, version] = /(redis|valkey)-ver[^0-9]?(\d[0-9.]*)/.exec(text) ?? [];
  return { format: Number(format), server: name && `${name === 'redis' ? 'Redis' : 'Valkey'} ${version}` };
}
