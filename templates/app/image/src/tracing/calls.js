// @ts-check
import { call } from './trace.js';

/** @typedef {import('./trace.js').Trace | null | undefined} MaybeTrace */

// https://opentelemetry.io/docs/specs/semconv/database/ and /http/. Statements are told without their values, of commands
// and addresses only the name: the arguments of a command hold session ids, and a query may hold a token.

const LONGEST_STATEMENT = 1000;

/**
 * @template T
 * @param {MaybeTrace} trace
 * @param {{host?: string | undefined, port?: number | undefined, database?: string | undefined}} server
 * @param {string} text
 * @param {() => Promise<T>} run
 */
export const queryCall = (trace, server, text, run) =>
  call(
    trace,
    () => {
      const line = text.trim().replace(/\s+/g, ' ');
      const operation = /^\w+/.exec(line)?.[0].toUpperCase() ?? 'QUERY';
      // What is followed by a bracket is a function, but for the columns of an INSERT.
      const [, changed, read] = /\b(?:INTO|UPDATE)\s+([\w.]+)|\bFROM\s+([\w.]+)\b(?!\s*\()/i.exec(line) ?? [];
      const table = changed ?? read;
      return {
        name: table ? `${operation} ${table}` : operation,
        attributes: {
          'db.system.name': 'postgresql',
          'db.operation.name': operation,
          ...(table && { 'db.collection.name': table }),
          'db.query.text': line.slice(0, LONGEST_STATEMENT),
          ...(server.database && { 'db.namespace': server.database }),
          ...address(server.host, server.port),
        },
      };
    },
    run,
  );

/**
 * @template T
 * @param {MaybeTrace} trace
 * @param {import('../redis.js').RedisClient} client
 * @param {string} command
 * @param {() => Promise<T>} run
 */
export const commandCall = (trace, client, command, run) =>
  call(
    trace,
    () => {
      // Of a cluster the client chooses the node.
      const { host, port, db } = /** @type {{host?: string, port?: number, db?: number}} */ ('nodes' in client ? {} : client.options);
      return {
        name: command,
        attributes: {
          'db.system.name': 'redis',
          'db.operation.name': command,
          ...(db !== undefined && { 'db.namespace': String(db) }),
          ...address(host, port),
        },
      };
    },
    run,
  );

/**
 * As `fetch`. What is outside is not told which trace it is asked for.
 * @param {MaybeTrace} trace
 * @param {URL} url
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export const fetchCall = (trace, url, options) =>
  call(
    trace,
    (/** @type {number | undefined} */ status) => ({
      name: options.method ?? 'GET',
      attributes: {
        'http.request.method': options.method ?? 'GET',
        'url.full': `${url.origin}${url.pathname}`,
        ...address(url.hostname, Number(url.port) || (url.protocol === 'https:' ? 443 : 80)),
        ...(status !== undefined && { 'http.response.status_code': status }),
        ...(status !== undefined && status >= 400 && { 'error.type': String(status) }),
      },
    }),
    () => fetch(url, options),
    (answer) => answer.status,
  );

/** @param {string | undefined} host @param {number | undefined} port */
const address = (host, port) => ({ ...(host && { 'server.address': host }), ...(port && { 'server.port': port }) });
