// @ts-check
import { shared } from './timing.js';
import { fetchCall } from './tracing/calls.js';

/** @typedef {{status: 'up' | 'down' | 'not-configured', latencyMs?: number, version?: string, message: string}} ServiceState */
/** @typedef {{url: string, token?: string | undefined} | undefined} Service */
/** @typedef {import('./tracing/trace.js').Trace | null | undefined} MaybeTrace */

const TIMEOUT_MS = 3000;
const CACHE_MS = 5000;

/** @param {import('./config.js').Config['services']} services */
export function createServiceProbes(services) {
  let cached = { at: 0, states: /** @type {Record<string, ServiceState>} */ ({}) };
  const refresh = shared(async (/** @type {MaybeTrace} */ trace) => {
    const [plex, overseerr, uptimeKuma] = await Promise.all([
      probe(trace, services.plex, '/identity', 'x-plex-token', plexVersion),
      probe(trace, services.overseerr, '/api/v1/status', 'x-api-key', (text) => JSON.parse(text).version),
      probe(trace, services.uptimeKuma, '/', undefined, () => undefined),
    ]);
    cached = { at: Date.now(), states: { plex, overseerr, 'uptime-kuma': uptimeKuma } };
  });
  /** The first request that asks has the calls in its trace; others wait for the same. */
  return async function states(/** @type {MaybeTrace} */ trace) {
    if (Date.now() - cached.at > CACHE_MS) await refresh(trace);
    return cached.states;
  };
}

/**
 * @param {MaybeTrace} trace
 * @param {Service} service
 * @param {string} path
 * @param {string | undefined} tokenHeader
 * @param {(text: string) => string | undefined} version
 * @returns {Promise<ServiceState>}
 */
async function probe(trace, service, path, tokenHeader, version) {
  if (!service) return { status: 'not-configured', message: 'Not configured' };
  const started = performance.now();
  try {
    const response = await fetchCall(trace, ...request(service, path, tokenHeader));
    const text = await response.text();
    const latencyMs = Math.round(performance.now() - started);
    // A service without a token to check, such as Uptime Kuma, sends visitors on to its login page.
    const up = response.ok || (!tokenHeader && response.status < 400);
    if (!up) return { status: 'down', latencyMs, message: refusal(response.status) };
    return { status: 'up', latencyMs, version: attempt(() => version(text)), message: 'Up' };
  } catch (error) {
    return { status: 'down', message: failure(error) };
  }
}

/**
 * @param {NonNullable<Service>} service @param {string} path @param {string} [tokenHeader]
 * @returns {[URL, {headers: Record<string, string>, redirect: 'manual', signal: AbortSignal}]}
 */
export function request(service, path, tokenHeader) {
  const url = new URL(service.url);
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json, text/html;q=0.5' };
  if (tokenHeader && service.token) headers[tokenHeader] = service.token;
  if (url.username) {
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(login).toString('base64')}`;
    // fetch refuses such a URL, and its error would quote it.
    url.username = '';
    url.password = '';
  }
  url.pathname = url.pathname.replace(/\/+$/, '') + path;
  // Following a redirect would hand the token to wherever it points.
  return [url, { headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) }];
}

/** Plex answers JSON or XML, depending on its age. @param {string} text */
function plexVersion(text) {
  return text.startsWith('<') ? /<MediaContainer[^>]*\sversion="([^"]{1,60})"/.exec(text)?.[1] : JSON.parse(text).MediaContainer?.version;
}

/** @param {number} status */
function refusal(status) {
  if (status === 401 || status === 403) return `Refused (HTTP ${status}): check its token`;
  return `Answered with HTTP ${status}`;
}

/** Words of our own: the errors of fetch may quote addresses. @param {any} error */
export function failure(error, waitedMs = TIMEOUT_MS) {
  if (error.name === 'TimeoutError') return `No answer within ${waitedMs / 1000} s`;
  const code = error.cause?.code ?? error.cause?.errors?.[0]?.code;
  if (code === 'ECONNREFUSED') return 'Connection refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'Its name is not known';
  if (/CERT|TLS|SSL/.test(code ?? '')) return 'Its certificate is not trusted';
  return 'Not reachable';
}

/** @param {() => unknown} read */
function attempt(read) {
  try {
    const value = read();
    return typeof value === 'string' ? value.slice(0, 60) : undefined;
  } catch {
    return undefined;
  }
}
