// A tiny application behind the edge. What it answers is told to it: POST /control {"/a.js": {status, headers, body, delay}}.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const name = process.argv[2] ?? 'origin';
const port = Number(process.argv[3] ?? 3000);
const certificates = process.argv[4];
let answers = {};
const counts = {};

const bodyOf = async (req) => {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts);
};

const answer = async (req, res) => {
  if (req.url === '/control') {
    answers = { ...answers, ...JSON.parse((await bodyOf(req)).toString()) };
    return res.end();
  }
  if (req.url.startsWith('/count?')) return res.end(String(counts[decodeURIComponent(req.url.slice(7))] ?? 0));
  counts[req.url] = (counts[req.url] ?? 0) + 1;
  const known = answers[req.url] ?? answers[req.url.split('?')[0]];
  if (known) {
    if (known.drop) return req.socket.destroy();
    if (known.hang) return;
    for (let hint = 0; hint < (known.hints ?? 0); hint++) res.writeEarlyHints({ link: `</${hint}.css>; rel=preload; as=style` });
    if (known.processing) res.writeProcessing();
    if (known.delay) await new Promise((resolve) => setTimeout(resolve, known.delay));
    const etag = known.headers?.etag;
    if (etag && (req.headers['if-none-match'] ?? '').replace(/^W\//, '') === etag.replace(/^W\//, '')) {
      return res.writeHead(304, known.headers).end();
    }
    if (known.events) {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const { after, data } of known.events) {
        await new Promise((resolve) => setTimeout(resolve, after));
        res.write(`data: ${data}\n\n`);
      }
      return res.end();
    }
    const body = Buffer.from(known.body ?? '');
    return res
      .writeHead(known.status ?? 200, { 'content-length': body.length, ...known.headers })
      .end(req.method === 'HEAD' ? undefined : body);
  }
  const body = await bodyOf(req).catch(() => Buffer.alloc(0));
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ name, method: req.method, url: req.url, headers: req.headers, bytes: body.length }));
};
const pair = () => ({ cert: readFileSync(`${certificates}/fullchain.pem`), key: readFileSync(`${certificates}/privkey.pem`) });
// As much as the edge lets in.
const options = { maxHeaderSize: 128 * 1024 };
const server = certificates ? https.createServer({ ...options, ...pair() }, answer) : http.createServer(options, answer);
server.on('upgrade', (_req, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  socket.pipe(socket);
  socket.on('error', () => {});
});
server.keepAliveTimeout = 75_000;
server.listen(port, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
