import { type Asked, raw } from './request.ts';

const BYTES = Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 37 + 11) % 256));
const grpc = (type: string): Asked =>
  raw('/medianest.Films/List', type, Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from('\n\x05Alien')]), 'POST', {
    'x-grpc-web': '1',
    'x-user-agent': 'grpc-web-javascript/0.1',
  });
const TUS = { 'tus-resumable': '1.0.0', 'upload-offset': '0' };

/** Bodies that are neither forms nor JSON. */
export const bodies: readonly Asked[] = [
  ...[
    'hello',
    "It's a note; with 2 lines\nand & more",
    'ping',
    'a,b,c',
    '# Title\n\n- item',
    '5 > 3 and 2 < 4',
    'ERROR 2026-11-29 connect ECONNREFUSED 192.168.1.20:32400',
    '{"sent":"by sendBeacon"}',
    'select the best from all',
    'Ça va?',
  ].map((text) => raw('/api/notes', 'text/plain;charset=UTF-8', text)),
  ...['{"index":{"_id":"1"}}\n{"title":"Alien"}\n', '{"level":"info","msg":"don\'t panic"}\n{"level":"warn","msg":"x > y"}\n'].flatMap(
    (text) => ['application/x-ndjson', 'application/ndjson', 'application/jsonl'].map((type) => raw('/_bulk', type, text)),
  ),
  raw('/api/blobs/1', 'application/octet-stream', BYTES),
  raw('/api/blobs/1', 'application/octet-stream', BYTES, 'PUT'),
  raw('/api/blobs/2', 'application/octet-stream', 'plain text in a blob; it’s fine'),
  ...['application/grpc-web', 'application/grpc-web+proto', 'application/grpc', 'application/grpc+proto'].map(grpc),
  raw('/medianest.Films/List', 'application/grpc-web-text', Buffer.from('\0\0\0\0\x07\n\x05Alien').toString('base64'), 'POST', {
    'x-grpc-web': '1',
  }),
  raw('/twirp/medianest.Films/List', 'application/protobuf', BYTES),
  raw('/v1/traces', 'application/x-protobuf', BYTES),
  raw('/api/sync', 'application/msgpack', BYTES),
  raw('/api/sync', 'application/cbor', BYTES),
  raw('/dns-query', 'application/dns-message', BYTES.subarray(0, 64)),
  raw('/api/import', 'text/csv', 'id,title,year\n1,"Ocean\'s Eleven",2001\n2,"Kill Bill: Vol. 1 & 2",2003\n'),
  raw('/api/import', 'text/markdown', '# Films\n\n* [Alien](https://example.org/?a=b&c=d) -- *good*\n'),
  raw(
    '/cal/ana/1.ics',
    'text/calendar; charset=utf-8',
    'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Film night; bring food\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
    'PUT',
  ),
  raw('/avatar', 'image/png', BYTES, 'PUT'),
  raw('/avatar', 'image/jpeg', BYTES, 'PUT'),
  raw('/avatar', 'image/webp', BYTES),
  raw('/api/documents', 'application/pdf', BYTES, 'PUT'),
  raw('/api/archive', 'application/zip', BYTES, 'PUT'),
  raw('/api/archive', 'application/gzip', BYTES, 'PUT'),
  raw('/api/voice', 'audio/webm', BYTES),
  raw('/api/clip', 'video/mp4', BYTES, 'PUT'),
  raw('/whip', 'application/sdp', 'v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n'),
  raw(
    '/report',
    'application/csp-report',
    '{"csp-report":{"document-uri":"https://media.example.org/","violated-directive":"script-src","blocked-uri":"inline","source-file":"https://media.example.org/app.js"}}',
  ),
  raw(
    '/report',
    'application/reports+json',
    '[{"type":"csp-violation","age":10,"url":"https://media.example.org/","body":{"effectiveDirective":"img-src"}}]',
  ),
  raw('/api/items/1', 'application/merge-patch+json', '{"title":"Alien & Aliens"}', 'PATCH'),
  raw('/api/items/1', 'application/json-patch+json', '[{"op":"add","path":"/tags/-","value":"sci-fi"}]', 'PATCH'),
  raw('/api/items', 'application/vnd.api+json', '{"data":{"type":"films","attributes":{"title":"Ocean\'s 12"}}}'),
  raw(
    '/inbox',
    'application/activity+json',
    '{"@context":"https://www.w3.org/ns/activitystreams","type":"Follow","actor":"https://a.example/users/ana"}',
  ),
  raw('/api/v1', 'application/json; charset=utf-8', '{"a":1}'),
  // Uploads: whatever their type.
  raw('/api/uploads/x', 'application/offset+octet-stream', 'hello', 'PATCH', TUS),
  raw('/api/uploads/x', 'application/offset+octet-stream', BYTES, 'PATCH', {
    ...TUS,
    'upload-checksum': 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=',
  }),
  raw('/api/uploads', 'application/offset+octet-stream', BYTES, 'POST', {
    ...TUS,
    'upload-length': '512',
    'upload-metadata': 'filename QWxpZW4ubWt2,filetype dmlkZW8vbXA0',
  }),
  {
    name: 'tus: an upload begins',
    method: 'POST',
    path: '/api/uploads',
    headers: { 'tus-resumable': '1.0.0', 'upload-length': '100', 'upload-metadata': 'filename QWxpZW4ubWt2', 'content-length': '0' },
  },
  { name: 'tus: how far it is', method: 'HEAD', path: '/api/uploads/x', headers: { 'tus-resumable': '1.0.0' } },
  { name: 'tus: given up', method: 'DELETE', path: '/api/uploads/x', headers: { 'tus-resumable': '1.0.0' } },
  raw('/api/uploads/film.mkv', 'video/x-matroska', BYTES, 'PUT'),
  raw('/api/uploads/film.mkv', 'application/octet-stream', BYTES, 'PUT', { 'content-range': 'bytes 0-511/1024' }),
  raw('/api/uploads/notes.txt', 'text/plain', "It's 5 > 3", 'PUT'),
  raw('/api/uploads/page.html', 'text/html', '<!doctype html><script>1</script>', 'PUT'),
  raw('/api/uploads/any', 'application/x-something-of-mine', BYTES, 'PUT'),
  { name: 'an upload that says nothing of its type', method: 'PUT', path: '/api/uploads/raw', raw: { body: BYTES } },
];
