import { type Asked, json, raw } from './request.ts';

const PLEX = (event: string, title: string) => ({
  event,
  user: true,
  owner: true,
  Account: { id: 1, thumb: 'https://plex.tv/users/abc/avatar?c=1700000000', title: "Ana's home" },
  Server: { title: 'nas', uuid: '54664a3d8acc39983675640ec9ce00b70af9cc36' },
  Player: { local: true, publicAddress: '203.0.113.7', title: 'Plex Web (Chrome)', uuid: 'r6yfkdnfggbh2bdnvkffwbms' },
  Metadata: {
    librarySectionType: 'movie',
    ratingKey: '1936545',
    key: '/library/metadata/1936545',
    guid: 'com.plexapp.agents.imdb://tt0078748?lang=en',
    title,
    summary: 'When two detectives select a case, "the union" orders them to drop it; they don’t.',
    thumb: '/library/metadata/1936545/thumb/1432897518',
    Guid: [{ id: 'tmdb://348' }],
  },
});
const plex = (event: string, title: string): Asked => ({
  name: `Plex ${event} ${title}`,
  method: 'POST',
  path: '/webhooks/plex',
  headers: { 'user-agent': 'PlexMediaServer/1.40.0.7998' },
  parts: [
    { field: 'payload', type: 'application/json', text: JSON.stringify(PLEX(event, title)) },
    { field: 'thumb', file: 'thumb.jpg', type: 'image/jpeg', text: 'JFIF' },
  ],
});
const TITLES = [
  "Ocean's Eleven",
  'Alien',
  'Select * from Life (2019)',
  'Kill Bill: Vol. 1 & 2',
  'Union Station (1950)',
  'tick, tick... BOOM!',
];
const agent = (asked: Asked, name: string): Asked => ({ ...asked, headers: { 'user-agent': name } });

export const webhooks: readonly Asked[] = [
  ...['media.play', 'media.stop', 'media.scrobble', 'library.new'].flatMap((event) => TITLES.map((title) => plex(event, title))),
  ...TITLES.map((subject) =>
    json('/webhooks/overseerr', {
      notification_type: 'MEDIA_PENDING',
      event: 'New Movie Request',
      subject,
      message: "A film about a boy & his dog; it's good.",
      image: 'https://image.tmdb.org/t/p/w600_and_h900_bestv2/abc.jpg',
      media: { media_type: 'movie', tmdbId: '348', tvdbId: '', status: 'PENDING', status4k: 'UNKNOWN' },
      request: {
        request_id: '12',
        requestedBy_email: 'ana@example.org',
        requestedBy_username: "ana o'neil",
        requestedBy_avatar: 'https://plex.tv/users/abc/avatar?c=1',
      },
      extra: [],
    }),
  ),
  ...TITLES.map((title) =>
    agent(
      json('/webhooks/sonarr', {
        eventType: 'Download',
        instanceName: 'Sonarr',
        applicationUrl: 'http://192.168.1.20:8989',
        series: { id: 1, title, path: `/tv/${title}`, tvdbId: 1234, type: 'standard', year: 2019, tags: ['a'] },
        episodes: [{ id: 1, episodeNumber: 1, seasonNumber: 1, title: 'Pilot; or, the Beginning', airDate: '2026-11-29' }],
        episodeFile: {
          relativePath: 'Season 01/x - S01E01 - [WEBDL-1080p].mkv',
          quality: 'WEBDL-1080p',
          releaseGroup: 'GROUP',
          size: 123456789,
        },
        downloadClient: 'qBittorrent',
        downloadId: 'C0FFEE',
        isUpgrade: false,
      }),
      'Sonarr/4.0.0.748 (alpine 3.19)',
    ),
  ),
  agent(
    json('/webhooks/radarr', {
      eventType: 'Grab',
      movie: { id: 1, title: "Ocean's Eleven", folderPath: "/movies/Ocean's Eleven (2001)", tmdbId: 161 },
      release: {
        quality: 'Bluray-2160p',
        releaseTitle: "Ocean's.Eleven.2001.2160p.UHD.BluRay.x265-GROUP",
        indexer: 'x (Prowlarr)',
        size: 1,
      },
    }),
    'Radarr/5.2.6.8376 (alpine 3.18.4)',
  ),
  agent(
    json('/webhooks/radarr', {
      eventType: 'Health',
      level: 'warning',
      message: 'Indexers unavailable due to failures: x; see the log',
      type: 'IndexerStatusCheck',
      wikiUrl: 'https://wiki.servarr.com/radarr/system#indexers',
    }),
    'Radarr/5.2.6.8376',
  ),
  ...[
    '[Plex] [🔴 Down] connect ECONNREFUSED 192.168.1.20:32400',
    '[Plex] [✅ Up] 200 - OK',
    '[DNS] [🔴 Down] getaddrinfo ENOTFOUND nas.local',
    '[Web] [🔴 Down] timeout of 48000ms exceeded',
  ].map((msg) =>
    agent(
      json('/webhooks/uptime-kuma', {
        heartbeat: {
          monitorID: 1,
          status: 0,
          time: '2026-11-29 04:13:00.000',
          msg: msg.split('] ').pop(),
          important: true,
          duration: 60,
          timezone: 'Europe/Berlin',
        },
        monitor: {
          id: 1,
          name: 'Plex',
          url: 'http://192.168.1.20:32400/identity',
          method: 'GET',
          hostname: null,
          port: null,
          maxretries: 1,
          type: 'http',
          accepted_statuscodes: ['200-299'],
          keyword: null,
          body: null,
        },
        msg,
      }),
      'Uptime-Kuma/1.23.11',
    ),
  ),
  ...["Fix: don't drop the table; merge from main", "Fix: don't drop table `x`; update from main"].map((message) =>
    agent(
      json('/webhooks/github', {
        ref: 'refs/heads/main',
        commits: [{ id: 'abc', message, added: ['src/a.ts'], url: 'https://github.com/a/b/commit/abc' }],
        repository: { full_name: 'a/b' },
      }),
      'GitHub-Hookshot/044aadd',
    ),
  ),
  ...['Films, at 50 % off', 'Films & more (50 % off)'].map((description) =>
    agent(
      json('/webhooks/stripe', {
        id: 'evt_1',
        object: 'event',
        data: { object: { amount: 1250, currency: 'eur', description } },
        type: 'charge.succeeded',
      }),
      'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
    ),
  ),
  agent(
    json('/webhooks/alertmanager', {
      status: 'firing',
      alerts: [
        {
          labels: { alertname: 'Down', instance: '10.0.0.5:9100' },
          annotations: { summary: 'up == 0 for > 5m' },
          generatorURL: 'http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
        },
      ],
    }),
    'Alertmanager/0.26.0',
  ),
  ...['https://grafana.example.org/?orgId=1', 'http://localhost/grafana?orgId=1'].map((source) =>
    agent(
      json('/webhooks/grafana', {
        title: '[FIRING:1] Disk (nas)',
        message: `**Firing**\n\nValue: A=92.5\nLabels:\n - alertname = Disk\nSource: ${source}`,
        state: 'alerting',
      }),
      'Grafana',
    ),
  ),
  raw(
    '/webhooks/slack',
    'application/x-www-form-urlencoded',
    'token=abc&team_domain=x&command=%2Fweather&text=94070+%26+more&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1234%2F5678',
  ),
  raw(
    '/webhooks/atom',
    'application/atom+xml',
    '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Films &amp; more</title><entry><id>urn:1</id></entry></feed>',
  ),
  raw(
    '/webhooks/cloudevents',
    'application/cloudevents+json',
    '{"specversion":"1.0","type":"film.added","source":"/films","id":"1","data":{"title":"Alien"}}',
  ),
  raw(
    '/soap',
    'text/xml; charset=utf-8',
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:Browse xmlns:u="urn:schemas-upnp-org:service:ContentDirectory:1"><ObjectID>0</ObjectID></u:Browse></s:Body></s:Envelope>',
  ),
];
