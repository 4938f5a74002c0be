import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv } from 'ajv';

/*
 * Overseerr's API as far as the portal uses it, strict: what `overseerr-api.yml` (OpenAPI 3.0.2, document 1.0.0, as in Overseerr
 * 1.33.2 and its develop branch) does not name is refused, as its validator and its routes refuse it.
 */

export const API_KEY = 'overseerr-key';

interface Media {
  id: number;
  mediaType: 'movie' | 'tv';
  title: string;
  date: string;
  posterPath?: string;
  /** MediaInfo.status; none where Overseerr has never heard of it. */
  status?: number;
}

/** The body of `POST /request`. */
const REQUEST = {
  type: 'object',
  required: ['mediaType', 'mediaId'],
  additionalProperties: false,
  properties: {
    mediaType: { type: 'string', enum: ['movie', 'tv'] },
    mediaId: { type: 'number' },
    tvdbId: { type: 'number' },
    seasons: {
      oneOf: [
        { type: 'array', items: { type: 'number', minimum: 0 } },
        { type: 'string', enum: ['all'] },
      ],
    },
    is4k: { type: 'boolean' },
    serverId: { type: 'number' },
    profileId: { type: 'number' },
    rootFolder: { type: 'string' },
    languageProfileId: { type: 'number' },
    userId: { type: 'number', nullable: true },
  },
};

const PLEX = 'https://app.plex.tv/desktop#!/server/abc/details?key=%2Flibrary%2Fmetadata%2F';

export interface Overseerr {
  url: string;
  /** What was requested: every one that was accepted. */
  requested: { mediaType: string; mediaId: number; seasons?: unknown }[];
  /** Requests that its validator would refuse. */
  faults: string[];
  media: Media[];
  /** `away` closes each connection, `mute` accepts a request and never answers. */
  mode: 'there' | 'away' | 'mute' | 'broken' | 'quota';
  /** What the image proxy gives. */
  image: { type: string; bytes: Buffer };
  close(): void;
}

export async function startOverseerr(media: Media[]): Promise<Overseerr> {
  const validate = new Ajv({ strict: false }).compile(REQUEST);
  const state: Overseerr = {
    url: '',
    requested: [],
    faults: [],
    media,
    mode: 'there',
    image: { type: 'image/jpg', bytes: Buffer.from('a poster') },
    close: () => server.close().closeAllConnections(),
  };

  const refuse = (status: number, message: string) => {
    if (status === 400) state.faults.push(message);
    return { status, json: { message, errors: [] as unknown[] } };
  };

  const mediaInfo = ({ id, status }: Media) => ({
    id,
    tmdbId: id,
    status,
    ...(status !== undefined && status >= 4 && { plexUrl: `${PLEX}${id}` }),
  });
  const shape = (entry: Media) => ({
    id: entry.id,
    overview: `What ${entry.title} is about`,
    ...(entry.posterPath && { posterPath: entry.posterPath }),
    ...(entry.mediaType === 'movie' ? { title: entry.title, releaseDate: entry.date } : { name: entry.title, firstAirDate: entry.date }),
    ...(entry.status !== undefined && { mediaInfo: mediaInfo(entry) }),
  });

  function search(query: string) {
    const pairs = query.split('&').map((pair) => pair.split('=') as [string, string]);
    for (const [name, value] of pairs) {
      if (!['query', 'page', 'language'].includes(name)) return refuse(400, `Unknown query parameter '${name}'`);
      if (/[:/?#[\]@!$&'()*+,;=]/.test(value))
        return refuse(400, `Parameter '${name}' must be url encoded. Its value may not contain reserved characters.`);
    }
    const { query: words, page = '1' } = Object.fromEntries(pairs) as { query?: string; page?: string };
    if (!words || !/^\d+$/.test(page)) return refuse(400, 'request.query.query is missing, or page is no number');
    const found = state.media.filter(({ title }) => title.toLowerCase().includes(decodeURIComponent(words).toLowerCase()));
    const person = { id: 7, mediaType: 'person', name: 'A person', knownFor: [] };
    const results = [...found.map((entry) => ({ ...shape(entry), mediaType: entry.mediaType })), person];
    return { status: 200, json: { page: Number(page), totalPages: 2, totalResults: results.length, results } };
  }

  function request(text: string) {
    const body = JSON.parse(text) as { mediaType: 'movie' | 'tv'; mediaId: number; seasons?: unknown; is4k?: boolean };
    if (!validate(body)) return refuse(400, `request.body ${new Ajv().errorsText(validate.errors)}`);
    if (body.mediaType === 'tv' && body.seasons === undefined) return refuse(500, 'Cannot read properties of undefined');
    if (state.mode === 'quota') return refuse(403, 'Movie Quota exceeded.');
    const entry = state.media.find(({ id, mediaType }) => id === body.mediaId && mediaType === body.mediaType);
    if (!entry) return refuse(500, 'Unable to retrieve it.');
    // It looks for one with the same `is4k`: without one it finds none.
    if (body.is4k === false && state.requested.some(({ mediaId, mediaType }) => mediaId === entry.id && mediaType === entry.mediaType)) {
      return body.mediaType === 'movie'
        ? refuse(409, 'Request for this media already exists.')
        : refuse(202, 'No seasons available to request');
    }
    state.requested.push(body);
    entry.status = 3;
    return { status: 201, json: { id: state.requested.length, status: 2, media: mediaInfo(entry) } };
  }

  function answer(method: string, path: string, query: string, text: string) {
    if (state.mode === 'broken') return refuse(500, 'Something went wrong.');
    if (method === 'GET' && path === '/status') return { status: 200, json: { version: '1.33.2' } };
    if (method === 'GET' && path === '/search') return search(query);
    if (method === 'POST' && path === '/request') return request(text);
    const [, mediaType, id] = /^\/(movie|tv)\/(\d+)$/.exec(path) ?? [];
    if (method !== 'GET' || !id) return refuse(400, `not found: ${method} ${path}`);
    const entry = state.media.find((each) => each.mediaType === mediaType && each.id === Number(id));
    return entry ? { status: 200, json: shape(entry) } : refuse(500, 'Unable to retrieve it.');
  }

  const server = http.createServer(async (req, res) => {
    if (state.mode === 'away') return void req.socket.destroy();
    const [path = '', query = ''] = (req.url ?? '').split('?');
    let text = '';
    for await (const chunk of req) text += chunk;
    if (/^\/imageproxy\/t\/p\/\w+\/[\w.-]+$/.test(path)) {
      res.writeHead(200, { 'content-type': state.image.type }).end(state.image.bytes);
      return;
    }
    const known = req.headers['x-api-key'] === API_KEY;
    const { status, json } = known
      ? answer(req.method ?? '', path.replace(/^\/api\/v1/, ''), query, text)
      : refuse(403, 'You do not have permission to access this endpoint');
    if (state.mode === 'mute' && req.method === 'POST') return;
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}
