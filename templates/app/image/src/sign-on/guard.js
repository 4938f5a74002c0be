// @ts-check
import { HttpError } from '../errors.js';
import { readAssertion } from './assertion.js';
import { OPEN, rightsOf, roleOf } from './roles.js';

/** @typedef {import('./people.js').Person} Person */
/** @typedef {import('./roles.js').Right} Right */
/** @typedef {import('fastify').FastifyRequest & {person: Person | null, rights: readonly Right[]}} KnownRequest */

const HEADER = 'x-medianest-assertion';

// The edge sends a person's requests of some seconds with the same assertion: far below the leeway that its end has.
const REMEMBERED_MS = 5000;
const MOST = 1000;

/**
 * Lets a request of the API through to what its sender may do. Every route of the API says which right it `needs`, or `'nothing'`; one
 * that says neither keeps the portal from starting. Pages and their parts hold no data and need nothing.
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../config.js').Config['signOn']} signOn
 */
export function guard(app, signOn) {
  app.decorateRequest('person', null);
  // Behind sign-on, a request that was not judged may do nothing.
  app.decorateRequest('rights', {
    getter() {
      const { person } = /** @type {KnownRequest} */ (/** @type {unknown} */ (this));
      return person?.rights ?? (signOn ? [] : OPEN);
    },
  });
  const personOf = signOn && reader(signOn);
  app.addHook('onRoute', ({ url, config }) => {
    const { needs } = /** @type {{needs?: string}} */ (config ?? {});
    if (url.startsWith('/api/') && needs === undefined) throw new Error(`${url} does not say which right it needs`);
  });
  app.addHook('onRequest', async (/** @type {any} */ req) => {
    const { needs = 'nothing' } = req.routeOptions.config;
    if (needs === 'nothing') return;
    if (personOf) req.person = personOf(req);
    if (!req.rights.includes(needs)) throw new HttpError(403, 'forbidden', REFUSALS[/** @type {Right} */ (needs)]);
  });
}

const REFUSALS = {
  look: 'Your account has no role here. Ask an administrator for one.',
  request: 'Your role may look around, and not ask for or upload anything.',
  decide: 'Only operators and administrators decide on requests.',
  administer: 'Only administrators see this, and only where sign-on is on.',
};

/**
 * @param {NonNullable<import('../config.js').Config['signOn']>} signOn
 * @returns {(req: KnownRequest) => Person} who a request is from; one that was proved lately is not proved again
 */
function reader({ key, hosts }) {
  /** @type {Map<string, {person: Person, until: number}>} */
  const proved = new Map();
  return (req) => {
    const token = req.headers[HEADER];
    if (typeof token !== 'string') throw stranger();
    const own = hosts.length > 0 ? hosts : [req.host, req.hostname].map((host) => host.toLowerCase());
    const now = Date.now();
    const name = `${own} ${token}`;
    const known = proved.get(name);
    if (known && known.until > now) return known.person;
    const assertion = readAssertion(token, key, { hosts: own, now });
    if (!assertion) throw stranger();
    const role = roleOf(assertion.groups) ?? 'none';
    const person = Object.freeze({ ...assertion, role, rights: rightsOf(role) });
    if (proved.size >= MOST) proved.clear();
    proved.set(name, { person, until: now + REMEMBERED_MS });
    return person;
  };
}

const stranger = () => new HttpError(401, 'sign-in', 'Please sign in: load this page again.');
