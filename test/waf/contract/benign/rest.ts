import { type Asked, get, json } from './request.ts';

/** A small picture, as browsers put one into JSON. */
const PNG = `data:image/png;base64,${Buffer.from('\x89PNG\r\n\x1a\n'.repeat(30), 'latin1').toString('base64')}`;

const FILM = {
  title: 'Alien',
  originalTitle: 'Alien',
  overview: 'In space, no one can hear you scream. A crew answers a call; what they find isn’t what they’d hoped for.',
  year: 1979,
  path: '/movies/Alien (1979)',
  rootFolderPath: '/movies',
  tmdbId: 348,
  imdbId: 'tt0078748',
  images: [{ coverType: 'poster', remoteUrl: 'https://image.tmdb.org/t/p/original/vfrQk5IPloGg1v9Rzbh2Eg3VGyM.jpg' }],
  qualityProfileId: 4,
  monitored: true,
  tags: [1, 2],
  ratings: { imdb: { votes: 900000, value: 8.5, type: 'user' } },
  addOptions: { searchForMovie: true },
};

const SENTENCES = [
  "A boy's dog; a girl's cat & the house where they lived",
  'What happens when 2 + 2 = 5 and nobody notices?',
  'From the makers of Select and Union: a story of love, loss & tables',
  'From the makers of "Select" and "Union": a story of love, loss & tables',
  'Press Ctrl+C; type exit; wait.',
  'The order came by telegram: "execute at dawn". He deleted it.',
  'Price: $5 (was $10) -- 50% off',
  'Press Ctrl+C; wait; then leave.',
  'See https://example.org/a?b=c&d=e, or http://192.168.1.20/',
  'He/she/they; and/or; 24/7',
  'Like `npm install`, but for films',
  'If (and only if) x > y, then y < x',
  'Temperature: -5 °C … +3 °C',
  'Chapter #1: "It was a dark & stormy night" (1830)',
];

const CRON = ['*/5 * * * *', '0 3 * * 1-5', '@daily', '0 0 1,15 * ?'];
const NAMING = [
  '{Movie Title} ({Release Year}) [{Quality Full}]',
  '{Series TitleYear} - S{season:00}E{episode:00} - {Episode CleanTitle} [{Custom Formats }{Quality Full}]{[MediaInfo AudioCodec]}',
  '%title% (%year%)',
  '{title} - {year}',
  '${title} - ${year}',
];
const EXPRESSIONS = ['^(?!.*sample).*\\.(mkv|mp4)$', '\\b(2160p|4K)\\b', '\\[(.+?)\\]', "it('s|s)", '/\\[(.+?)\\]/gi'];
const COMMANDS = ['MoviesSearch', 'RefreshMonitoredDownloads', 'RescanMovie', 'Backup', 'CheckHealth'];

export const rest: readonly Asked[] = [
  json('/api/v3/movie', FILM),
  json('/api/v3/movie/1', FILM, 'PUT'),
  ...COMMANDS.map((name) => json('/api/v3/command', { name, movieIds: [1, 2, 3] })),
  ...SENTENCES.map((overview) => json('/api/v3/movie/1', { overview }, 'PATCH')),
  ...SENTENCES.map((text) => json('/api/comments', { post: 12, text, parent: null })),
  ...CRON.map((schedule) => json('/api/v1/settings/jobs/plex-sync/schedule', { schedule })),
  ...NAMING.map((standardMovieFormat) =>
    json('/api/v3/config/naming', { standardMovieFormat, colonReplacementFormat: 'spaceDash' }, 'PUT'),
  ),
  ...EXPRESSIONS.map((value) =>
    json('/api/v3/customformat', {
      name: 'mine',
      specifications: [{ implementation: 'ReleaseTitle', fields: [{ name: 'value', value }] }],
    }),
  ),
  json('/api/profile', { avatar: PNG }, 'PUT'),
  json('/api/profile', { name: 'Ana', avatar: PNG, colour: '#ff8800' }, 'PATCH'),
  json('/api/icons', { icon: 'data:image/webp;base64,UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==' }),
  json('/api/icons', { icon: 'data:image/svg+xml;base64,PHN2Zy8+' }),
  json('/api/paste', { content: 'data:text/plain;base64,SGVsbG8=' }),
  json('/api/fonts', { font: 'data:font/woff2;base64,d09GMgABAAAAAAQ' }),
  json('/api/theme', { css: '.card { background: url(https://example.org/a.png); color: #fff }' }),
  json('/api/theme', { css: '@media (max-width: 600px) { body > main { margin: 0; } }' }),
  json('/api/v1/settings/notifications/telegram', {
    enabled: true,
    options: { botAPI: '123456:ABC-DEF1234ghIkl', chatId: '-1001234567890' },
  }),
  json('/api/v1/settings/notifications/webhook', {
    jsonPayload: '{"title":"{{subject}}","text":"{{message}}"}',
    webhookUrl: 'http://192.168.1.50:8123/api/webhook/x',
  }),
  json('/api/v1/settings/plex', { ip: '192.168.1.20', port: 32400, useSsl: false }),
  json('/api/v1/settings/radarr/test', {
    hostname: '10.0.0.5',
    port: 7878,
    apiKey: '0123456789abcdef0123456789abcdef',
    baseUrl: '/radarr',
  }),
  json('/api/v1/user/1/settings/permissions', { permissions: 2 }),
  json('/api/dashboards/db', {
    dashboard: { panels: [{ targets: [{ expr: 'sum(rate(node_cpu_seconds_total{mode!="idle"}[5m])) by (instance)' }] }] },
    overwrite: true,
  }),
  json('/api/v1/rules', { expr: 'up == 0', for: '5m', annotations: { summary: 'Instance {{ $labels.instance }} down' } }),
  json('/api/automations', { trigger: 'state', condition: "{{ states('sensor.t') | float > 20 }}", action: 'light.turn_on' }),
  json('/api/automations', { trigger: 'state', condition: 'sensor.t > 20', action: 'light.turn_on' }),
  json('/api/items', [{ op: 'replace', path: '/title', value: "Ocean's 12" }], 'PATCH'),
  json(
    '/api/items/bulk',
    Array.from({ length: 50 }, (_, id) => ({ id, title: `Film ${id}`, done: id % 2 === 0 })),
  ),
  json('/api/items', { deep: { a: { b: { c: { d: [1, [2, [3]]] } } } }, empty: {}, none: null, list: [] }),
  json('/rpc', { jsonrpc: '2.0', method: 'Player.GetItem', params: { properties: ['title', 'album'], playerid: 1 }, id: 'x' }),
  json('/api/v1/chat', { messages: [{ role: 'user', content: 'Write a haiku about SELECT statements, please' }] }),
  json('/api/events', { type: 'click', target: 'button#save.primary > span', x: 12.5, y: -3 }),
  json('/api/errors', {
    message: "TypeError: Cannot read properties of undefined (reading 'map')",
    stack: 'at list (app.js:12:7)\n    at async main (app.js:40:3)',
  }),
  json('/api/location', { lat: 52.52, lon: 13.405, at: '2026-11-29T04:13:00.000Z' }),
  json('/api/editor', { blocks: [{ type: 'paragraph', data: { text: 'Hello, world & all' } }], version: '2.28.2' }),
  { name: 'DELETE', method: 'DELETE', path: '/api/v3/movie/1?deleteFiles=true&addImportExclusion=false' },
  { name: 'HEAD', method: 'HEAD', path: '/api/v3/movie' },
  {
    name: 'preflight',
    method: 'OPTIONS',
    path: '/api/v3/movie',
    headers: {
      origin: 'https://app.example.org',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'content-type,x-api-key',
    },
  },
  get('/api/v3/movie', { apikey: '0123456789abcdef0123456789abcdef', includeImages: 'true' }),
  get('/api/v3/calendar', { start: '2026-11-01T00:00:00.000Z', end: '2026-12-01T00:00:00.000Z', unmonitored: 'false' }),
  get('/Users/8f3e/Items', {
    SortBy: 'DateCreated,SortName',
    IncludeItemTypes: 'Movie',
    Recursive: 'true',
    Fields: 'PrimaryImageAspectRatio,Path',
  }),
];
