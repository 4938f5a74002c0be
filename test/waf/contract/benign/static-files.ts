import { ADDRESSES } from '../waf-cases.ts';
import { type Asked, get } from './request.ts';

const FILES =
  '/favicon.ico /app.css?v=1 /assets/index-4f2a.js /assets/vendor.min.js?ver=6.4.1 /fonts/inter.woff2 /img/logo@2x.png /icon.svg /manifest.webmanifest /sw.js /workbox-1a2b.js /wasm/av1.wasm /apple-touch-icon.png /_next/static/chunks/main-abc.js /static/js/main.8f3e.chunk.js.map /robots.txt /sitemap.xml /.well-known/security.txt /.well-known/apple-app-site-association /service-worker.js /browserconfig.xml /hls/1080p/segment-00001.ts /hls/master.m3u8 /dash/manifest.mpd /subtitles/en.vtt /poster/1.jpg?w=300&h=450'.split(
    ' ',
  );

/** What a browser asks for by itself. */
export const staticFiles: readonly Asked[] = [
  ...FILES.map(
    (path): Asked => ({
      name: `file ${path}`,
      path,
      headers: { accept: '*/*', 'sec-fetch-dest': 'script', referer: 'https://media.example.org/requests?q=5+%3E+3' },
    }),
  ),
  ...ADDRESSES.filter((path) => /\.(css|js|svg|ico)/.test(path)).map(
    (path): Asked => ({ name: `again ${path}`, path, headers: { 'cache-control': 'no-cache', pragma: 'no-cache' } }),
  ),
  ...['bytes=0-', 'bytes=0-1023', 'bytes=1024-2047', 'bytes=-500', 'bytes=0-99,200-299'].map((range) =>
    get('/video/film.mp4', {}, { range, 'if-range': '"abc"', 'accept-encoding': 'identity' }),
  ),
  get('/sw.js', {}, { 'service-worker': 'script', 'cache-control': 'max-age=0', 'sec-fetch-dest': 'serviceworker' }),
  get('/_next/image', { url: '/img/poster (1).jpg', w: '640', q: '75' }),
  get('/_next/data/abc/requests.json', { page: '2' }),
  get('/fonts/inter.woff2', {}, { origin: 'https://media.example.org' }),
  get('/app.css', {}, { cookie: "prefs=%7B%22name%22%3A%22O'Brien%22%7D" }),
];
