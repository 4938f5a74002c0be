// Jaeger 2 as its sources have it (jaegerquery/internal/{flags,server,static_handler}.go), by the very configuration that it is given.
import { readFileSync } from 'node:fs';
import http from 'node:http';

const text = readFileSync(process.argv[process.argv.indexOf('--config') + 1], 'utf8');
const part = (name) => new RegExp(`^  ${name}:\\n((?:    .*\\n)+)`, 'm').exec(text)[1];
const endpoint = (of) => /^ {4}http: \{ endpoint: "?([\d.]+):(\d+)"? \}/m.exec(of).slice(1);
const query = part('jaeger_query');
const base = /^ {4}base_path: "?([^"\n]+)"?$/m.exec(query)?.[1] ?? '';
if (base && (!base.startsWith('/') || base.endsWith('/') || /\.\.|\/\//.test(base))) throw new Error(`invalid base path: ${base}`);

const [healthHost, healthPort] = endpoint(part('healthcheckv2'));
http
  .createServer((request, response) => response.writeHead(request.url === '/status' ? 200 : 404).end('{}'))
  .listen(Number(healthPort), healthHost);

const [host, port] = endpoint(query);
http
  .createServer((request, response) => {
    const path = request.url.split('?')[0];
    if (base && path === base) return response.writeHead(301, { location: `${base}/` }).end();
    if (!path.startsWith(`${base}/`)) return response.writeHead(404).end('404 page not found');
    const rest = path.slice(base.length);
    if (rest === '/api/services')
      return response
        .writeHead(request.method === 'GET' ? 200 : 405, { 'content-type': 'application/json' })
        .end(JSON.stringify({ data: ['app'], told: request.headers }));
    if (rest.startsWith('/api/')) return response.writeHead(404).end('404 page not found');
    if (rest.startsWith('/static/')) return response.writeHead(200, { 'content-type': 'text/javascript' }).end('//');
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end(`<base href="${base}/"><script>JAEGER_CONFIG = {};</script><script src="./static/index.js"></script>`);
  })
  .listen(Number(port), host);
process.on('SIGTERM', () => process.exit(0));
