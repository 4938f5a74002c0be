// @ts-check
import { HttpError } from '../errors.js';
import { failure, request } from '../services.js';
import { fetchCall } from '../tracing/calls.js';

/*
 * Overseerr's API, as its `overseerr-api.yml` describes it (1.33; version 1.0.0 of the document). Its validator refuses parameters
 * and fields that the document does not name.
 */

/** @typedef {import('../tracing/trace.js').Trace | null | undefined} MaybeTrace */
/** @typedef {ReturnType<typeof createOverseerr>} Overseerr */
/** @typedef {'available' | 'partial' | 'requested' | null} Availability */
/** @typedef {{tmdbId: number, kind: 'movie' | 'series', title: string, year: number | null, poster: string | null, overview: string, availability: Availability, watchUrl: string | null}} Title */

const TYPES = { movie: 'movie', series: 'tv' };
const TIMEOUT_MS = 8000;
const LARGEST_ANSWER = 4 * 1024 ** 2;
const LARGEST_POSTER = 512 * 1024;
const POSTER = /^[\w-]{1,80}\.(?:jpg|jpeg|png|webp)$/;
const IMAGE = /^image\/(?:jpeg|png|webp)$/;
// MediaInfo.status: 2 pending, 3 processing, 4 partially available, 5 available.
const AVAILABILITY = /** @type {Record<number, Availability>} */ ({ 2: 'requested', 3: 'requested', 4: 'partial', 5: 'available' });

/** Overseerr did not do what it was asked for. `lasting`: asking again brings the same answer; `answered`: it may do other things. */
export class OverseerrError extends HttpError {
  /** @param {string} message @param {{lasting?: boolean, answered?: boolean}} [how] */
  constructor(message, { lasting = false, answered = lasting } = {}) {
    super(502, 'overseerr', message);
    this.lasting = lasting;
    this.answered = answered;
  }
}

/** @param {NonNullable<import('../config.js').Config['services']['overseerr']>} service */
export function createOverseerr(service) {
  /**
   * @param {MaybeTrace} trace @param {string} path @param {number} most bytes of its answer
   * @param {{query?: Record<string, string>, json?: unknown}} [sent]
   */
  async function ask(trace, path, most, { query = {}, json } = {}) {
    const [url, options] = request(service, path, 'x-api-key');
    url.search = Object.entries(query)
      .map(([name, value]) => `${name}=${encoded(value)}`)
      .join('&');
    const init = {
      ...options,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
    };
    if (json !== undefined) init.headers['content-type'] = 'application/json';
    try {
      const response = await fetchCall(trace, url, init);
      return { status: response.status, type: response.headers.get('content-type') ?? '', body: await limited(response, most) };
    } catch (error) {
      throw error instanceof OverseerrError ? error : new OverseerrError(`Overseerr does not answer: ${failure(error, TIMEOUT_MS)}.`);
    }
  }

  /**
   * @param {MaybeTrace} trace @param {string} path @param {Parameters<typeof ask>[3]} [sent]
   * @returns {Promise<any>}
   */
  async function askJson(trace, path, sent) {
    const { status, body } = await ask(trace, path, LARGEST_ANSWER, sent);
    if (status !== 200) throw refusal(status);
    return parsed(body);
  }

  /**
   * Films and series by words of their titles.
   * @param {string} words @param {number} page from 1 @param {MaybeTrace} [trace]
   * @returns {Promise<{items: Title[], nextPage: number | null}>}
   */
  async function search(words, page, trace) {
    const { results, totalPages } = await askJson(trace, '/api/v1/search', { query: { query: words, page: String(page) } });
    if (!Array.isArray(results)) throw strange();
    return { items: results.flatMap((entry) => titleOf(entry) ?? []), nextPage: page < totalPages ? page + 1 : null };
  }

  /**
   * @param {'movie' | 'series'} kind @param {number} tmdbId @param {MaybeTrace} [trace]
   * @returns {Promise<Title | undefined>} undefined where there is no such title
   */
  async function title(kind, tmdbId, trace) {
    const { status, body } = await ask(trace, `/api/v1/${TYPES[kind]}/${tmdbId}`, LARGEST_ANSWER);
    // It answers 500 for a number that TMDB does not know.
    if (status === 404) return undefined;
    if (status !== 200) throw refusal(status);
    const found = titleOf({ ...parsed(body), mediaType: TYPES[kind] });
    if (!found || found.tmdbId !== tmdbId) throw strange();
    return found;
  }

  /**
   * Hands a request on. Done twice it is done once: Overseerr says 409 for a film that was requested, and 202 for a series that
   * has no season left to request.
   * @param {'movie' | 'series'} kind @param {number} tmdbId
   * @returns {Promise<void>}
   */
  async function forward(kind, tmdbId) {
    // Without `is4k`, it does not find the request that it has.
    const json = { mediaType: TYPES[kind], mediaId: tmdbId, is4k: false, ...(kind === 'series' && { seasons: 'all' }) };
    const { status, body } = await ask(undefined, '/api/v1/request', LARGEST_ANSWER, { json });
    if ([201, 202, 409].includes(status)) return;
    // 403: its quota, its blocklist, or no right of the key's user. 400: this number, or this portal, is wrong.
    const lasting = status === 403 || status === 400;
    throw lasting ? new OverseerrError(`Overseerr refuses it: ${reason(body)}`, { lasting: true }) : refusal(status);
  }

  /**
   * @param {string} file as `poster` of a title names it @param {MaybeTrace} [trace]
   * @returns {Promise<{type: string, bytes: Buffer} | undefined>} undefined where there is none
   */
  async function poster(file, trace) {
    if (!POSTER.test(file)) return undefined;
    const { status, type, body } = await ask(trace, `/imageproxy/t/p/w300_and_h450_face/${file}`, LARGEST_POSTER);
    if (status !== 200) return undefined;
    const [plain = ''] = type.toLowerCase().split(';');
    // It takes the type from the file's end, and says image/jpg.
    const known = plain.trim().replace('image/jpg', 'image/jpeg');
    return IMAGE.test(known) ? { type: known, bytes: body } : undefined;
  }

  return { search, title, forward, poster };
}

/** Its validator takes no reserved character of RFC 3986 as it is, not those that JavaScript leaves. @param {string} text */
const encoded = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** @param {Response} response @param {number} most */
async function limited(response, most) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > most) throw new OverseerrError('Overseerr answers with more than was asked for.', { answered: true });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @param {number} status */
function refusal(status) {
  if (status === 401 || status === 403) return new OverseerrError(`Overseerr refuses us (HTTP ${status}): its API key is wrong.`);
  return new OverseerrError(`Overseerr answers with HTTP ${status}.`, { answered: true });
}

const strange = () => new OverseerrError('Overseerr answers with something that it should not.', { answered: true });

/** @param {Buffer} body */
function parsed(body) {
  try {
    const value = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    throw strange();
  }
  throw strange();
}

/** Its own words for a person, such as `Movie Quota exceeded.` @param {Buffer} body */
function reason(body) {
  try {
    const { message } = JSON.parse(body.toString('utf8'));
    return typeof message === 'string' && message !== '' ? message.slice(0, 200) : 'it does not say why';
  } catch {
    return 'it does not say why';
  }
}

/** Of MovieResult, TvResult, MovieDetails or TvDetails; people are none. @param {any} entry @returns {Title | undefined} */
function titleOf(entry) {
  const kind = entry?.mediaType === 'movie' ? 'movie' : entry?.mediaType === 'tv' ? 'series' : undefined;
  const title = entry?.title ?? entry?.name;
  if (!kind || !Number.isSafeInteger(entry.id) || entry.id < 1 || typeof title !== 'string' || title.trim() === '') return undefined;
  const file = String(entry.posterPath ?? '').replace(/^\//, '');
  const availability = AVAILABILITY[entry.mediaInfo?.status] ?? null;
  return {
    tmdbId: entry.id,
    kind,
    title: title.replaceAll('\0', '').trim().slice(0, 200),
    year: Number(/^\d{4}/.exec(entry.releaseDate ?? entry.firstAirDate ?? '')?.[0]) || null,
    poster: POSTER.test(file) ? file : null,
    overview: typeof entry.overview === 'string' ? entry.overview.slice(0, 500) : '',
    availability,
    watchUrl: availability === 'available' || availability === 'partial' ? link(entry.mediaInfo.plexUrl) : null,
  };
}

/** It becomes a link: nothing but the web. @param {unknown} url */
const link = (url) => (typeof url === 'string' && url.length <= 1000 && /^https?:\/\//.test(url) && URL.canParse(url) ? url : null);
