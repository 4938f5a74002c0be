// @ts-check
import { call } from './current.js';

/** @typedef {import('./current.js').Called} Called */

// https://opentelemetry.io/docs/specs/semconv/database/ and /http/. Statements have placeholders in place of values; of commands
// and addresses only the name is told: the arguments of a command hold session ids, and a query may hold a token.

const LONGEST_STATEMENT = 1000;
/** The texts are constants of this program; what is made of one is remembered. */
const MOST_STATEMENTS = 200;

/** @type {Map<string, {name: string, attributes: Record<string, string>}>} */
const statements = new Map();

/** @param {string} text of a statement */
function statement(text) {
  const known = statements.get(text);
  if (known) return known;
  const line = text.trim().replace(/\s+/g, ' ');
  const operation = /^\w+/.exec(line)?.[0].toUpperCase() ?? 'QUERY';
  // What is followed by a bracket is a function, but for the columns of an INSERT.
  const [, changed, read] = /\b(?:INTO|UPDATE)\s+([\w.]+)|\bFROM\s+([\w.]+)\b(?!\s*\()/i.exec(line) ?? [];
  const table = changed ?? read;
  const made = {
    name: table ? `${operation} ${table}` : operation,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      ...(table && { 'db.collection.name': table }),
      'db.query.text': line.slice(0, LONGEST_STATEMENT),
    },
  };
  if (statements.size < MOST_STATEMENTS) statements.set(text, made);
  return made;
}

/**
 * @template T
 * @param {{host?: string | undefined, port?: number | undefined, database?: string | undefined}} server
 * @param {string} text
 * @param {() => Promise<T>} run
 */
export function queryCall(server, text, run) {
  return call(() => {
    const { name, attributes } = statement(text);
    return { name, attributes: { ...attributes, ...namespace(server.database), ...address(server.host, server.port) } };
  }, run);
}

/**
 * Remembers every command that a client sends on behalf of a request.
 * @param {import('../redis.js').RedisClient} client
 * @param {{host?: string, port?: number, db?: number}} server nothing of a cluster: the client chooses among its nodes
 */
export function watchCommands(client, server) {
  const fixed = { 'db.system.name': 'redis', ...namespace(server.db), ...address(server.host, server.port) };
  const target = /** @type {any} */ (client);
  const send = target.sendCommand.bind(target);
  target.sendCommand = (/** @type {{name: string}} */ command, /** @type {unknown[]} */ ...rest) =>
    call(
      () => {
        const name = command.name.toUpperCase();
        return { name, attributes: { ...fixed, 'db.operation.name': name } };
      },
      () => send(command, ...rest),
    );
}

/**
 * As `fetch`. What is outside is not told which trace it is asked for.
 * @param {URL} url
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export function tracedFetch(url, options) {
  return call(
    () => ({
      name: 'GET',
      attributes: {
        'http.request.method': 'GET',
        'url.full': `${url.origin}${url.pathname}`,
        ...address(url.hostname, Number(url.port) || (url.protocol === 'https:' ? 443 : 80)),
      },
    }),
    () => fetch(url, options),
    ({ status }) => ({ 'http.response.status_code': status, ...(status >= 400 && { 'error.type': String(status) }) }),
  );
}

/** @param {string | number | undefined} name */
const namespace = (name) => (name === undefined ? {} : { 'db.namespace': String(name) });

/** @param {string | undefined} host @param {number | undefined} port */
const address = (host, port) => ({ ...(host && { 'server.address': host }), ...(port && { 'server.port': port }) });
