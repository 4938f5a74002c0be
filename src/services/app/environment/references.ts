import type { SecretForm, SecretPart } from '../../../core/secret-part.ts';
import type { BuildInput, CacheConnection, Connection, DatabaseConnection } from '../../../stack/service.ts';

/** What references are resolved with. */
export interface ReferenceFacts {
  database: DatabaseConnection;
  cache: CacheConnection;
  external: BuildInput['settings']['external'];
  /** An address outside as the application is given it. */
  given(url: string): string;
  /** Where visitors find the application; undefined without the edge. */
  edge: { host: string; url: string } | undefined;
  app: { port: number; uploads: string; media: string | undefined };
}

/** A name that stands in braces for what the stack gives. */
export interface Reference {
  name: string;
  what: string;
  /** Its value in pieces; undefined where this stack has none. */
  value(facts: ReferenceFacts): SecretPart[] | undefined;
  /** What to do where it has none. */
  without?: string;
}

const text = (value: string | number | undefined): SecretPart[] | undefined => (value === undefined ? undefined : [String(value)]);

const password = ({ password: secret }: Connection, as: SecretForm): SecretPart => ({ secret, as });

/** Parameters of a URL, without those that are undefined. */
function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

const verified = ({ ca }: Connection) => (ca ? { sslmode: 'verify-full', sslrootcert: ca } : {});

/** `postgresql://USER:PASSWORD@HOST:PORT/NAME` and parameters (PostgreSQL 17 manual, 34.1.1.2). */
const databaseUrl = (database: DatabaseConnection, port: number, parameters: Parameters<typeof query>[0]): SecretPart[] => [
  `postgresql://${database.user}:`,
  password(database, 'uri'),
  `@${database.host}:${port}/${database.name}${query(parameters)}`,
];

/** Prisma’s own parameters: `sslcert` is the CA, and only `strict` verifies. */
const prisma = ({ ca }: Connection) => ({ schema: 'public', ...(ca && { sslmode: 'require', sslaccept: 'strict', sslcert: ca }) });

const jdbc = ({ host, port, name }: DatabaseConnection, parameters: Parameters<typeof query>[0]): string =>
  `jdbc:postgresql://${host}:${port}/${name}${query(parameters)}`;

const keywords = (database: DatabaseConnection): SecretPart[] => [
  `host=${database.host} port=${database.port} dbname=${database.name} user=${database.user} password=`,
  password(database, 'libpq'),
  ` sslmode=${database.ca ? `verify-full sslrootcert=${database.ca}` : 'disable'}`,
];

/** `rediss://` over TLS; a single server knows one user alone, which older clients do not name. */
function cacheUrl(cache: CacheConnection, address: string): SecretPart[] {
  const { ca, user } = cache;
  const [scheme, name] = ca ? ['rediss', user] : ['redis', ''];
  return [`${scheme}://${name}:`, password(cache, 'uri'), `@${address}${cache.cluster ? '' : '/0'}`];
}

const cacheUrls = (cache: CacheConnection): SecretPart[] =>
  (cache.cluster ?? [`${cache.host}:${cache.port}`]).flatMap((address, index) => [
    ...(index > 0 ? [','] : []),
    ...cacheUrl(cache, address),
  ]);

const DATABASE: Reference[] = [
  {
    name: 'database.url',
    what: 'address with user and password, for libpq and what reads its form (node-postgres, psycopg, pgx); over TLS with `sslmode=verify-full` and `sslrootcert`',
    value: ({ database }) => databaseUrl(database, database.port, verified(database)),
  },
  {
    name: 'database.replicaUrl',
    what: 'the same for reads alone; that of the only server where there are no replicas',
    value: ({ database }) => databaseUrl(database, database.replicaPort, verified(database)),
  },
  {
    name: 'database.prismaUrl',
    what: 'the same for the engines of Prisma: `schema=public`, over TLS with `sslaccept=strict` and `sslcert`; with a driver adapter it takes the first form',
    value: ({ database }) => databaseUrl(database, database.port, prisma(database)),
  },
  {
    name: 'database.jdbcUrl',
    what: 'address for JDBC, without user and password',
    value: ({ database }) => [jdbc(database, verified(database))],
  },
  {
    name: 'database.jdbcLoginUrl',
    what: 'the same with `user` and `password`',
    value: ({ database }) => [
      `${jdbc(database, { user: database.user })}&password=`,
      password(database, 'uri'),
      query(verified(database)).replace('?', '&'),
    ],
  },
  { name: 'database.dsn', what: 'the keywords and values of libpq: `host=... password=...`', value: ({ database }) => keywords(database) },
  { name: 'database.host', what: 'address of the database', value: ({ database }) => [database.host] },
  { name: 'database.port', what: 'its port', value: ({ database }) => text(database.port) },
  { name: 'database.replicaPort', what: 'its port for reads alone', value: ({ database }) => text(database.replicaPort) },
  { name: 'database.name', what: 'name of the database', value: ({ database }) => [database.name] },
  {
    name: 'database.user',
    what: 'role of the application; it changes with the password, so it is no name to write down',
    value: ({ database }) => [database.user],
  },
  { name: 'database.password', what: 'its password, as it is', value: ({ database }) => [password(database, 'raw')] },
  {
    name: 'database.encodedPassword',
    what: 'its password, percent-encoded for a URL',
    value: ({ database }) => [password(database, 'uri')],
  },
  {
    name: 'database.sslmode',
    what: '`verify-full`, or `disable` without TLS',
    value: ({ database }) => [database.ca ? 'verify-full' : 'disable'],
  },
  {
    name: 'database.caFile',
    what: 'file of the CA that its certificate is checked by; empty without TLS',
    value: ({ database }) => [database.ca ?? ''],
  },
];

const CACHE: Reference[] = [
  {
    name: 'cache.url',
    what: 'address with user and password, which always leads to the node that takes writes; of a cluster, that of its first node, which a client for clusters needs and no other can use',
    value: ({ cache }) => cacheUrl(cache, `${cache.host}:${cache.port}`),
  },
  { name: 'cache.urls', what: 'the same for every node, separated by commas', value: ({ cache }) => cacheUrls(cache) },
  { name: 'cache.mode', what: '`cluster`, `sentinel` or `single` (`cache.mode`)', value: ({ cache }) => [cache.mode] },
  {
    name: 'cache.nodes',
    what: 'every node as HOST:PORT, separated by commas',
    value: ({ cache }) => [(cache.cluster ?? [`${cache.host}:${cache.port}`]).join(',')],
  },
  { name: 'cache.host', what: 'address of the cache; of a cluster, that of its first node', value: ({ cache }) => [cache.host] },
  { name: 'cache.port', what: 'its port', value: ({ cache }) => text(cache.port) },
  { name: 'cache.user', what: 'its user', value: ({ cache }) => [cache.user] },
  { name: 'cache.password', what: 'its password, as it is', value: ({ cache }) => [password(cache, 'raw')] },
  { name: 'cache.encodedPassword', what: 'its password, percent-encoded for a URL', value: ({ cache }) => [password(cache, 'uri')] },
  {
    name: 'cache.caFile',
    what: 'file of the CA that its certificate is checked by; empty without TLS',
    value: ({ cache }) => [cache.ca ?? ''],
  },
];

/** What `external` may have, and a stack need not. */
const external = (name: string, what: string, value: Reference['value']): Reference => ({
  ...{ name: `external.${name}`, what, value },
  without: `set \`external.${name}\`, or leave the reference out`,
});

const EXTERNAL: Reference[] = [
  external('plex.url', 'Plex, as the application reaches it', ({ external: { plex }, given }) => text(plex.url && given(plex.url))),
  external('plex.token', 'its token', ({ external: { plex } }) => plex.token && [{ secret: 'plex-token', as: 'raw' }]),
  external('overseerr.url', 'Overseerr, as the application reaches it', ({ external: { overseerr }, given }) =>
    text(overseerr.url && given(overseerr.url)),
  ),
  external(
    'overseerr.apiKey',
    'its API key',
    ({ external: { overseerr } }) => overseerr.apiKey && [{ secret: 'overseerr-api-key', as: 'raw' }],
  ),
  external('uptimeKuma.url', 'Uptime Kuma, as the application reaches it', ({ external: { uptimeKuma }, given }) =>
    text(uptimeKuma.url && given(uptimeKuma.url)),
  ),
];

const HERE: Reference[] = [
  { name: 'app.port', what: 'port that it is to listen on (`app.port`)', value: ({ app }) => text(app.port) },
  { name: 'app.uploads', what: 'folder that it may write uploads to', value: ({ app }) => [app.uploads] },
  {
    name: 'app.media',
    what: 'folder of the media library',
    value: ({ app }) => text(app.media),
    without: '`app.media.kind: object` has no folder: leave the reference out',
  },
  {
    name: 'edge.url',
    what: 'where visitors find it, such as `https://media.example.org`',
    value: ({ edge }) => text(edge?.url),
    without: 'write the address itself: without the edge, no setting says what visitors use',
  },
  {
    name: 'edge.host',
    what: 'the first of `edge.domains`',
    value: ({ edge }) => text(edge?.host),
    without: 'write the name itself: without the edge, no setting says what visitors use',
  },
];

/** Every reference, in the order of the document. */
export const REFERENCES: readonly Reference[] = [...DATABASE, ...CACHE, ...EXTERNAL, ...HERE];
