import type { ComposeProject, ComposeService } from './compose-project.ts';

/** A store of the foreign project: how others call it, and what it was told of user and password. */
export interface Store {
  /** Every name that its host has. */
  hosts: string[];
  port: string;
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
}

export interface Stores {
  database: Store | undefined;
  cache: Store | undefined;
}

/** One variable, as the settings are to have it. */
export type Variable =
  | { kind: 'plain'; name: string; value: string }
  | { kind: 'secret'; name: string; value: string; as: 'env' | 'file' }
  /** Given by the stack anyway, or of no use here. */
  | { kind: 'left'; name: string; why: string };

const hostsOf = ({ name, containerName, aliases, raw }: ComposeService): string[] => [
  ...new Set([name, containerName, ...aliases, ...(typeof raw.hostname === 'string' ? [raw.hostname] : [])]),
];

/** @param secrets contents of the files that the project’s secrets name, by their key */
export function databaseStore(service: ComposeService, secrets: Readonly<Record<string, string>>): Store {
  const { environment } = service;
  const user = environment.POSTGRES_USER ?? environment.POSTGRESQL_USERNAME ?? 'postgres';
  const file = service.secrets.find(({ target }) => target === environment.POSTGRES_PASSWORD_FILE);
  return {
    hosts: hostsOf(service),
    port: '5432',
    user,
    password: environment.POSTGRES_PASSWORD ?? environment.POSTGRESQL_PASSWORD ?? (file && secrets[file.source]),
    database: environment.POSTGRES_DB ?? environment.POSTGRESQL_DATABASE ?? user,
  };
}

export function cacheStore(service: ComposeService): Store {
  const words = service.command.join(' ');
  const password = /--requirepass\s+["']?([^\s"']+)/.exec(words)?.[1] ?? service.environment.REDIS_PASSWORD;
  return { hosts: hostsOf(service), port: '6379', user: undefined, password, database: undefined };
}

/** A value that says who may do what: by its name, or by what it looks like. */
export function isSecret(name: string, value: string): boolean {
  if (value === '' || /^(true|false|yes|no|on|off|\d{1,5})$/i.test(value)) return false;
  if (/_(FILE|PATH|DIR|URL|URI|HOST|PORT|TTL|NAME|EXPIRES?(_IN)?|ALGORITHM|LENGTH|ENABLED|ISSUER|ID)$/i.test(name)) return hasLogin(value);
  if (
    /(SECRET|PASSW(OR)?D|PASSPHRASE|PASSWD|TOKEN|API_?KEY|PRIVATE|CREDENTIAL|SALT|PEPPER|JWT|ENCRYPTION|SIGNING|COOKIE_KEY|APP_KEY|ACCESS_KEY|DSN|WEBHOOK)/i.test(
      name,
    )
  )
    return true;
  if (/(^|_)(KEY|PASS|PWD)$/i.test(name)) return true;
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value) || hasLogin(value)) return true;
  return looksRandom(value);
}

const hasLogin = (value: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\/[^\s/@]*:[^\s/@]+@/i.test(value) || /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]*[?&](password|token|key)=/i.test(value);

/** A token: long, without spaces, of letters and digits in no order of a word, path or address. */
function looksRandom(value: string): boolean {
  if (value.length < 24 || !/^[A-Za-z0-9+/=_-]+$/.test(value) || value.startsWith('/')) return false;
  const digits = value.replaceAll(/\D/g, '').length;
  return digits >= 3 && /[A-Za-z]/.test(value) && new Set(value).size >= 10;
}

/** A brace that is meant, as `app.env` writes it. */
const plain = (value: string): string => value.replaceAll(/\{\{|\{/g, (brace) => (brace === '{' ? '\\{' : brace));

/** Compose hands on any name; here it is part of a setting, and of the name of a file. */
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

/** Everything that one service is told, as settings. @param domain by which visitors find it */
export function variablesOf(service: ComposeService, project: ComposeProject, stores: Stores, domains: readonly string[]): Variable[] {
  return Object.entries(service.environment).map(([name, value]) => variable(name, value, service, project, stores, domains));
}

function variable(
  name: string,
  value: string,
  service: ComposeService,
  { secrets }: ComposeProject,
  stores: Stores,
  domains: readonly string[],
): Variable {
  if (!isVariableName(name)) return { kind: 'left', name, why: 'it is no name of a variable here' };
  if (/^(VIRTUAL_(HOST|PORT|PATH|PROTO)|LETSENCRYPT_(HOST|EMAIL))$/.test(name))
    return { kind: 'left', name, why: 'the edge routes and has certificates' };
  if (name === 'PORT') return { kind: 'left', name, why: 'app.port gives it' };
  if (/^(TZ)$/.test(name)) return { kind: 'plain', name, value };
  const file = service.secrets.find(({ target }) => target === value);
  if (file && name.endsWith('_FILE') && secrets[file.source] !== undefined)
    return { kind: 'left', name, why: `app.secrets.${name.slice(0, -5)} gives it` };
  const reference = ofDatabase(name, value, stores.database) ?? ofCache(name, value, stores.cache);
  if (reference !== undefined) return { kind: 'plain', name, value: reference };
  const site = /^https?:\/\/([\w.-]+)(?::\d+)?(\/?)$/.exec(value);
  if (site && domains.includes(site[1] as string)) return { kind: 'plain', name, value: `{edge.url}${site[2]}` };
  return isSecret(name, value) ? { kind: 'secret', name, value, as: 'env' } : { kind: 'plain', name, value: plain(value) };
}

/** A URL may have a password that no URL should have, with `#` or `/` in it: taken apart by hand. */
const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/(?:(.*)@)?([\w.-]+)(?::(\d+))?(?:\/([^?]*))?(?:\?(.*))?$/i;

function ofDatabase(name: string, value: string, store: Store | undefined): string | undefined {
  if (!store) return undefined;
  const jdbc = /^jdbc:postgresql:\/\/([\w.-]+)(?::\d+)?\/[^?]*(\?.*)?$/.exec(value);
  if (jdbc && store.hosts.includes(jdbc[1] as string))
    return /password=/.test(jdbc[2] ?? '') ? '{database.jdbcLoginUrl}' : '{database.jdbcUrl}';
  const [, scheme = '', , host = '', , , query = ''] = URL_PARTS.exec(value) ?? [];
  if (/^postgres(ql)?(\+\w+)?$/i.test(scheme) && store.hosts.includes(host)) {
    if (/(^|&)schema=/.test(query)) return '{database.prismaUrl}';
    // A driver’s name in the scheme: the parts, because the whole has a scheme of its own.
    if (/\+/.test(scheme)) return `${scheme}://{database.user}:{database.encodedPassword}@{database.host}:{database.port}/{database.name}`;
    return '{database.url}';
  }
  if (/\bhost=/.test(value) && store.hosts.some((entry) => new RegExp(`\\bhost='?${escaped(entry)}\\b`).test(value)))
    return '{database.dsn}';
  const about = /(DB|DATABASE|POSTGRES|PG|SQL)/i.test(name);
  if (store.hosts.includes(value) && (about || /HOST|SERVER|ADDR/i.test(name))) return '{database.host}';
  if (store.hosts.some((entry) => value === `${entry}:${store.port}`)) return '{database.host}:{database.port}';
  if (!about) return undefined;
  if (value === store.port && /PORT/i.test(name)) return '{database.port}';
  if (value === store.user && /USER|ROLE|LOGIN/i.test(name)) return '{database.user}';
  if (value === store.database && /(DB|DATABASE|NAME)$/i.test(name)) return '{database.name}';
  if (/SSL_?MODE/i.test(name)) return '{database.sslmode}';
  if (store.password !== undefined && value === store.password) return '{database.password}';
  return undefined;
}

function ofCache(name: string, value: string, store: Store | undefined): string | undefined {
  if (!store) return undefined;
  const [, scheme = '', , host = ''] = URL_PARTS.exec(value) ?? [];
  if (/^(rediss?|valkeys?|unix)$/i.test(scheme) && store.hosts.includes(host)) return '{cache.url}';
  const about = /(REDIS|CACHE|VALKEY|QUEUE|BULL|CELERY|BROKER)/i.test(name);
  if (store.hosts.includes(value) && (about || /HOST|SERVER|ADDR/i.test(name))) return '{cache.host}';
  if (store.hosts.some((entry) => value === `${entry}:${store.port}`)) return '{cache.host}:{cache.port}';
  if (!about) return undefined;
  if (value === store.port && /PORT/i.test(name)) return '{cache.port}';
  if (store.password !== undefined && value === store.password) return '{cache.password}';
  return undefined;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Names of other processes in a value, which have other addresses here. */
export const namesOthers = (value: string, others: readonly string[]): string[] =>
  others.filter((other) => new RegExp(`(^|//|@|,|=)${escaped(other)}(:\\d+|/|,|$)`).test(value));
