// @ts-check
import { number, secret } from '../env.js';
import { ConfigError } from '../errors.js';

// As long as what HS256 makes (RFC 7518, 3.2).
const SHORTEST_KEY = 32;

/**
 * What is known of sign-on; undefined where nothing stands in front, and every visitor may do everything. A key that cannot be read
 * ends the process: without it, the portal would be open.
 * @param {import('../env.js').Env} env
 */
export function readSignOn(env) {
  if (!env.SIGN_ON_KEY_FILE) return undefined;
  const key = secret(env, 'SIGN_ON_KEY') ?? '';
  if (key.length < SHORTEST_KEY) throw new ConfigError(`SIGN_ON_KEY_FILE must name a file with at least ${SHORTEST_KEY} characters`);
  const hosts = (env.SIGN_ON_HOSTS ?? '').split(',').map((host) => host.trim().toLowerCase());
  const signOut = env.SIGN_OUT_URL;
  if (signOut && !/^(https?:\/)?\/[^/\\]/.test(signOut)) throw new ConfigError('SIGN_OUT_URL must be an address, or a path of this host');
  return {
    key,
    /** The names that assertions may be for; without any, that of the request. */
    hosts: hosts.filter((host) => host !== ''),
    signOutUrl: signOut || undefined,
    /** Requests that a member may make in 7 days. */
    requestQuota: number(env, 'PORTAL_REQUEST_QUOTA', 10, 1000),
    checkMs: number(env, 'PORTAL_CHECK_SECONDS', 15, 3600) * 1000,
  };
}
