// @ts-check
import { readFileSync } from 'node:fs';
import { ConfigError } from './errors.js';

// The drivers' own URL parsers differ in what they decode, and put the whole URL, password included, into
// their errors. So URLs are taken apart here, once, and the drivers are given fields.

/** @param {string} name the setting, for messages @param {string} value */
export function parsePostgresUrl(name, value) {
  const { url, user, password } = parse(name, value, ['postgres:', 'postgresql:']);
  const database = decode(name, url.pathname.slice(1));
  return {
    host: url.searchParams.get('host') ?? (bareHost(url) || 'localhost'),
    port: Number(url.port || 5432),
    user,
    password,
    database: database || user,
    ssl: sslOptions(name, url.searchParams),
  };
}

/** @param {string} name @param {string} value @param {string} [caFile] */
export function parseRedisUrl(name, value, caFile) {
  const { url, user, password } = parse(name, value, ['redis:', 'rediss:']);
  return {
    host: bareHost(url) || 'localhost',
    port: Number(url.port || 6379),
    username: user,
    password,
    db: Number(url.pathname.slice(1) || 0),
    tls: url.protocol === 'rediss:' ? tlsOptions(name, caFile) : undefined,
  };
}

/** @param {string} name @param {string} [caFile] */
export function tlsOptions(name, caFile) {
  return caFile ? { ca: readText(name, caFile) } : {};
}

/** @param {string} name @param {string} path */
export function readText(name, path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${name}: cannot read ${path} (${/** @type {any} */ (error).code})`);
  }
}

/** @param {string} name @param {string} value @param {string[]} protocols */
function parse(name, value, protocols) {
  // new URL drops raw newlines and tabs in silence, which would change a password.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f]/.test(value)) throw new ConfigError(`${name} holds a control character: percent-encode it`);
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !protocols.includes(url.protocol)) {
    throw new ConfigError(`${name} is not a ${protocols[0]}// address (percent-encode odd characters in the password)`);
  }
  return { url, user: decode(name, url.username) || undefined, password: decode(name, url.password) || undefined };
}

/** @param {string} name @param {string} text */
function decode(name, text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(`${name} is not percent-encoded properly (a lone % must be written %25)`);
  }
}

/** @param {URL} url */
function bareHost(url) {
  return decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
}

/**
 * libpq's meaning of sslmode: only verify-ca and verify-full, or a given root, check the certificate.
 * @param {string} name
 * @param {URLSearchParams} query
 */
function sslOptions(name, query) {
  const mode = query.get('sslmode') ?? 'disable';
  const root = query.get('sslrootcert');
  if (mode === 'disable') return false;
  const ca = root ? readText(name, root) : undefined;
  if (mode === 'verify-full') return { ca };
  if (mode === 'verify-ca' || ca) return { ca, checkServerIdentity: () => undefined };
  return { rejectUnauthorized: false };
}
