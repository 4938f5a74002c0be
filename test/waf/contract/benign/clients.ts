import type { Asked } from './request.ts';
import { get } from './request.ts';

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230803.041; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'PlexMediaServer/1.40.0.7998',
  'Jellyfin-Android/2.6.0',
  'Overseerr/1.33.2',
  'okhttp/4.12.0',
  'Dalvik/2.1.0 (Linux; U; Android 13; BRAVIA 4K VH2 Build/TTT2.220929.001)',
  'AppleCoreMedia/1.0.0.21B91 (iPhone; U; CPU OS 17_1_1 like Mac OS X; en_us)',
  'VLC/3.0.20 LibVLC/3.0.20',
  'Uptime-Kuma/1.23.11',
  'Prometheus/2.48.0',
  'FreshRSS/1.22.1 (Linux; https://freshrss.org)',
  'HomeAssistant/2023.11.2 aiohttp/3.8.6 Python/3.11',
  'Tautulli/2.13.2',
  'Thunderbird/115.5',
  'kube-probe/1.28',
  'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 Edg/119.0',
];
const REFERRERS = [
  'https://media.example.org/requests?q=don%27t&page=2',
  'https://www.google.com/search?q=select+a+film+from+1979&oq=union',
  'https://duckduckgo.com/',
  'android-app://com.google.android.gm/',
  'https://id.example.org/auth?client_id=x&redirect_uri=https%3A%2F%2Fmedia.example.org%2Fcb&state=%7B%22a%22%3A1%7D',
  'http://192.168.1.20:5055/movie/278',
  'https://media.example.org/login?next=/admin/requests%3Fpage=2',
];

/** Who asks, and with which headers. */
export const clients: readonly Asked[] = [
  ...AGENTS.map((agent) => get('/', { from: 'client' }, { 'user-agent': agent })),
  ...REFERRERS.map((referer) => get('/page', { from: 'referrer' }, { referer })),
  get(
    '/x',
    {},
    {
      'x-plex-token': 'abcDEF123',
      'x-plex-client-identifier': '8f3e',
      'x-plex-product': 'Plex Web',
      'x-plex-device-name': "Ana's iPhone (2)",
      'x-plex-model': 'bundled',
    },
  ),
  get(
    '/x',
    {},
    { authorization: 'MediaBrowser Client="Jellyfin Web", Device="Chrome", DeviceId="TW96aWxsYS81LjA=", Version="10.8.11", Token="abc"' },
  ),
  get('/x', {}, { 'x-emby-authorization': 'MediaBrowser Client="Android TV", Device="BRAVIA 4K", DeviceId="abc", Version="0.15.10"' }),
  get('/x', {}, { 'x-api-key': '0123456789abcdef0123456789abcdef', accept: '*/*' }),
  get(
    '/x',
    {},
    {
      'sec-ch-ua': '"Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120"',
      'sec-ch-ua-mobile': '?0',
      'sec-ch-ua-platform': '"Linux"',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'cors',
      'sec-fetch-dest': 'empty',
    },
  ),
  get('/x', {}, { 'x-requested-with': 'XMLHttpRequest', 'x-csrf-token': 'kq3F+w/9z==', priority: 'u=1, i', dnt: '1', 'sec-gpc': '1' }),
  get(
    '/x',
    {},
    {
      baggage: 'sentry-environment=prod,sentry-release=1.0,sentry-trace_id=abc',
      'sentry-trace': '0123456789abcdef0123456789abcdef-0123456789abcdef-0',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
  ),
  get(
    '/x',
    {},
    {
      accept:
        'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
      'accept-language': 'de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7',
      'upgrade-insecure-requests': '1',
    },
  ),
  get('/x', {}, { accept: 'application/vnd.github+json', 'accept-encoding': 'gzip, deflate, br, zstd' }),
  get('/x', {}, { 'if-none-match': 'W/"1a-18b2c3d4e5f"', 'if-modified-since': 'Wed, 15 Nov 2023 10:00:00 GMT' }),
  get('/x', {}, { 'x-goog-authuser': '0', 'x-client-data': 'CIi2yQEIorbJAQipncoB', 'save-data': 'on' }),
  get('/x', {}, { 'nextcloud-user': 'ana', 'ocs-apirequest': 'true', 'x-ocs-token': 'a/b+c==' }),
];
