import { ADDRESSES } from '../waf-cases.ts';
import { type Asked, form, get, json } from './request.ts';

const URLS = [
  '/admin/requests?page=2&sort=title',
  '/login?next=/admin',
  'https://media.example.org/done?a=1&b=2#top',
  'http://192.168.1.20:8096',
  'http://10.0.0.5:7878/radarr',
  'https://172.16.4.4:9443/',
  'http://nas.local:5000/webman/index.cgi',
  'http://plex:32400/library/sections/1/all?X-Plex-Token=abcDEF123',
  'https://user@example.org/path',
  'https://example.org/a%20b?c=d%26e',
  'ftp://ftp.example.org/pub/file.txt',
  'https://xn--bcher-kva.example/',
  'https://example.org/index.php?id=7',
  'tcp://192.168.1.30:1883',
  'rtsp://192.168.1.40:554/stream1',
  'mailto:ana@example.org?subject=Hi%20there',
];

/** Addresses as values: where to go next, what to watch, which server in the LAN. */
export const addresses: readonly Asked[] = [
  ...URLS.map((url) => get('/login', { next: url })),
  ...URLS.map((url) => json('/api/v1/settings/main', { applicationUrl: url, trustProxy: true })),
  ...URLS.slice(3, 12).map((url) => form('/settings/server', { name: 'server', url })),
  ...ADDRESSES.filter((path) => path !== '/metrics').map((path): Asked => ({ name: `address ${path}`, path })),
  { name: 'next, as it is typed', path: '/login?next=/admin/requests?page=2&sort=title' },
  { name: 'return, as it is typed', path: '/login?return_to=https://media.example.org/requests?filter=open' },
  get('/proxy/image', { url: 'https://image.tmdb.org/t/p/w500/abc.jpg', w: '300' }),
  get('/photo/:/transcode', { width: '300', url: '/library/metadata/123/thumb/1700000000?X-Plex-Token=abc' }),
  get('/share', { u: 'https://media.example.org/film/278', text: 'Look: "Alien" & more' }),
  get('/wiki/Alien_(film)'),
  get('/wiki/C%2B%2B'),
  get('/files/My%20Films/Alien%20(1979)/poster.JPG'),
  get('/tag/sci-fi%20%26%20fantasy'),
  get("/people/o'brien"),
  get('/d/abc123/dashboard', { orgId: '1', from: 'now-6h', to: 'now', 'var-host': 'edge' }),
];
