// @ts-check
import { randomBytes } from 'node:crypto';
import { UnavailableError } from './errors.js';
import { within } from './timing.js';
import { commandCall } from './tracing/calls.js';

/** @typedef {ReturnType<typeof createSessions>} Sessions */
/** @typedef {import('./tracing/trace.js').TracedRequest} TracedRequest */

const COOKIE = 'medianest_session';
const MONTH_SECONDS = 30 * 24 * 3600;
const PATIENCE_MS = 1000;

/** @param {import('./redis.js').RedisClient} redis */
export function createSessions(redis) {
  /** A visitor without a session, and a session store that is away, both come out as "no name". */
  async function read(/** @type {TracedRequest} */ req) {
    const id = sessionId(req);
    try {
      const text = id
        ? await within(
            PATIENCE_MS,
            sent(req, 'GET', () => redis.get(key(id))),
          )
        : await ping(req);
      return { available: true, name: text ? String(JSON.parse(text).name) : null };
    } catch {
      return { available: false, name: null };
    }
  }

  async function setName(
    /** @type {TracedRequest} */ req,
    /** @type {import('fastify').FastifyReply} */ reply,
    /** @type {string} */ name,
  ) {
    try {
      // An id is only taken over if this server gave it out, or a visitor could be handed a known one.
      const known = sessionId(req);
      const exists =
        known &&
        (await within(
          PATIENCE_MS,
          sent(req, 'EXISTS', () => redis.exists(key(known))),
        ));
      const id = exists ? known : randomBytes(32).toString('base64url');
      await within(
        PATIENCE_MS,
        sent(req, 'SET', () => redis.set(key(id), JSON.stringify({ name }), 'EX', MONTH_SECONDS)),
      );
      reply.setCookie(COOKIE, id, {
        path: '/',
        httpOnly: true,
        sameSite: 'lax',
        secure: req.protocol === 'https',
        maxAge: MONTH_SECONDS,
      });
    } catch (error) {
      throw new UnavailableError('The session store', error);
    }
  }

  /** @param {TracedRequest} [req] */
  async function ping(req) {
    await within(
      PATIENCE_MS,
      sent(req, 'GET', () => redis.get('medianest:ping')),
    );
  }

  /**
   * @template T
   * @param {TracedRequest | undefined} req @param {string} command @param {() => Promise<T>} run
   */
  const sent = (req, command, run) => commandCall(req?.trace, redis, command, run);

  return { read, setName, ping };
}

/** @param {import('fastify').FastifyRequest} req */
function sessionId(req) {
  const id = req.cookies[COOKIE];
  return id && /^[A-Za-z0-9_-]{43}$/.test(id) ? id : undefined;
}

/** @param {string} id */
function key(id) {
  return `medianest:session:${id}`;
}
