// @ts-check
import { createHmac, timingSafeEqual } from 'node:crypto';

/** @typedef {{subject: string, name: string, email: string | null, groups: string[], mfa: boolean}} Assertion */

const LEEWAY_SECONDS = 30;
const LONGEST = 8192;
// One address: what separates several, or ends a line of a mail's head, is none.
const EMAIL = /^[^\s@,;:<>"]{1,64}@[^\s@,;:<>"]{1,190}$/;

/**
 * Reads who a request is from (RFC 7519, compact form). Only HS256 counts, whatever the head says: `none`, and a public key taken for a
 * secret, are the classic holes (RFC 8725, 3.1).
 * @param {string} token
 * @param {string} key
 * @param {{hosts: readonly string[], now: number}} expected names of this portal in lower case; milliseconds since 1970
 * @returns {Assertion | undefined} undefined for every token that is not to be trusted
 */
export function readAssertion(token, key, { hosts, now }) {
  const parts = token.length <= LONGEST ? token.split('.') : [];
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return undefined;
  const [head, body, signature] = /** @type {[string, string, string]} */ (parts);
  const made = createHmac('sha256', key).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== made.length || !timingSafeEqual(given, made)) return undefined;
  const header = json(head);
  if (header?.alg !== 'HS256' || header.crit !== undefined) return undefined;
  const claims = json(body);
  return claims && inForce(claims, now) && isFor(claims.aud, hosts) ? person(claims) : undefined;
}

/** @param {string} part @returns {Record<string, unknown> | undefined} */
function json(part) {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Record<string, unknown>} claims @param {number} now */
function inForce({ iat, exp, nbf }, now) {
  const seconds = now / 1000;
  if (typeof exp !== 'number' || exp + LEEWAY_SECONDS <= seconds) return false;
  return [iat, nbf].every((from) => from === undefined || (typeof from === 'number' && from - LEEWAY_SECONDS <= seconds));
}

/** @param {unknown} audience @param {readonly string[]} hosts */
function isFor(audience, hosts) {
  const named = Array.isArray(audience) ? audience : [audience];
  return named.some((name) => typeof name === 'string' && hosts.includes(name.toLowerCase()));
}

/** @param {Record<string, unknown>} claims @returns {Assertion | undefined} */
function person({ sub, name, email, groups, mfa }) {
  if (typeof sub !== 'string' || sub === '' || sub.length > 255 || sub.includes('\0')) return undefined;
  return {
    subject: sub,
    name: (typeof name === 'string' && name.replaceAll('\0', '').trim().slice(0, 100)) || sub.slice(0, 100),
    email: typeof email === 'string' && EMAIL.test(email) ? email : null,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
    mfa: mfa === true,
  };
}
