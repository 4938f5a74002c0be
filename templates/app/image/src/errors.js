// @ts-check

/** A setting that cannot be used: the process says so in one line and exits with 1. */
export class ConfigError extends Error {}

/** An answer that the client can act on; its message is shown to the user. */
export class HttpError extends Error {
  /** @param {number} statusCode @param {string} code @param {string} message */
  constructor(statusCode, code, message) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}

/** A dependency is away for now: trying again later is the right thing to do. */
export class UnavailableError extends HttpError {
  /** @param {string} what @param {unknown} [cause] */
  constructor(what, cause) {
    super(503, 'unavailable', `${what} cannot be reached right now. Please try again in a moment.`);
    this.cause = cause;
  }
}

/**
 * One line for people. Connecting to a name with two addresses fails with an AggregateError, whose own
 * message is empty.
 * @param {unknown} error
 * @returns {string}
 */
export function describe(error) {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message || /** @type {any} */ (error).code || error.name;
}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('./drain.js').Drain} drain
 * @param {(message: string, correlationId: string) => string} page what a browser shows in place of the answer that it asked for
 */
export function handleErrors(app, drain, page) {
  const refuse = (
    /** @type {import('fastify').FastifyRequest} */ req,
    /** @type {import('fastify').FastifyReply} */ reply,
    /** @type {number} */ status,
    /** @type {string} */ error,
    /** @type {string} */ message,
    /** @type {object} */ more = {},
  ) => {
    reply.code(status).header('vary', 'accept').header('cache-control', 'no-store');
    return asksForPage(req)
      ? reply.type('text/html; charset=utf-8').send(page(message, req.id))
      : reply.send({ ...body(req, error, message), ...more });
  };
  app.setErrorHandler((/** @type {any} */ error, /** @type {any} */ req, reply) => {
    req.failure = error;
    if (error.validation) return refuse(req, reply, 400, 'invalid', validationMessage(error));
    // PostgreSQL cannot store a NUL in a text: that is the sender's mistake, not ours.
    if (error.code === '22021') return refuse(req, reply, 400, 'invalid', 'The text holds a character that cannot be stored.');
    const status = error.statusCode >= 400 ? error.statusCode : 500;
    if (status === 503) reply.header('retry-after', drain.active ? '5' : '2');
    if (status >= 500 && !(error instanceof HttpError)) {
      return refuse(req, reply, status, 'internal', 'Something went wrong. The log has the details under this correlation id.');
    }
    return refuse(req, reply, status, error instanceof HttpError ? error.code : 'invalid', error.message, error.more);
  });

  app.setNotFoundHandler((req, reply) => refuse(req, reply, 404, 'not-found', 'There is nothing at this address.'));
}

/**
 * Whether a person opened the address in a browser: it names HTML first; scripts and API clients do not.
 * @param {import('fastify').FastifyRequest} req
 */
const asksForPage = ({ method, headers }) => (method === 'GET' || method === 'HEAD') && /^\s*text\/html\b/i.test(headers.accept ?? '');

/**
 * For addresses that cannot even be read: the router refuses them before any hook runs.
 * @param {Error} _error
 * @param {import('fastify').FastifyRequest} req
 * @param {import('fastify').FastifyReply} reply
 */
export function refuseBadAddress(_error, req, reply) {
  reply.code(400).header('x-request-id', req.id).header('x-content-type-options', 'nosniff');
  reply.send(body(req, 'invalid', 'This address cannot be understood.'));
}

/** @param {import('fastify').FastifyRequest} req @param {string} error @param {string} message */
function body(req, error, message) {
  return { error, message, correlationId: req.id };
}

/** @param {any} error */
function validationMessage(error) {
  return error.validation
    .map((/** @type {any} */ issue) => {
      const field = issue.instancePath.split('/').pop() || error.validationContext;
      if (issue.keyword === 'pattern') return `${field} must not be blank`;
      if (issue.keyword === 'enum') return `${field} must be one of ${issue.params.allowedValues.join(', ')}`;
      if (issue.keyword === 'additionalProperties') return `${issue.params.additionalProperty} is not a known field`;
      if (issue.keyword === 'required') return `${issue.params.missingProperty} is missing`;
      return `${field} ${issue.message}`;
    })
    .join('; ');
}
