// Kibana 9 as its sources have it (core/packages/http/server-internal/src/http_config.ts and http_server.ts, security's config.ts and
// session_cookie.ts), by the very configuration that it is given: a key that it does not know ends it.
import { readFileSync } from 'node:fs';
import http from 'node:http';

const KNOWN =
  /^(server\.(name|host|port|basePath|rewriteBasePath|publicBaseUrl)|path\.data|elasticsearch\.(hosts|username|password)|telemetry\.(optIn|allowChangingOptInStatus)|newsfeed\.enabled|map\.includeElasticMapsService|xpack\.fleet\.isAirGapped|logging\.(appenders\.default|root\.level)|xpack\.(security|encryptedSavedObjects|reporting)\.encryptionKey|xpack\.security\.cookieName)$/;
const settings = {};
const files = process.argv.flatMap((arg, index, all) => (all[index - 1] === '--config' ? [arg] : []));
for (const line of files.flatMap((file) => readFileSync(file, 'utf8').split('\n'))) {
  const [, key, value] = /^([\w.]+): (.*)$/.exec(line) ?? [];
  if (!key) continue;
  if (!KNOWN.test(key)) throw new Error(`Unknown configuration key(s): "${key}"`);
  settings[key] = value.replace(/^"(.*)"$/, '$1');
}
const base = settings['server.basePath'] ?? '';
const rewrites = settings['server.rewriteBasePath'] === 'true';
const publicUrl = settings['server.publicBaseUrl'];
if (base && !/^\/.*[^/]$/.test(base)) throw new Error("[server.basePath]: must start with a slash, don't end with one");
if (rewrites && !base) throw new Error('cannot use [rewriteBasePath] when [basePath] is not specified');
if (publicUrl && new URL(publicUrl).pathname !== (base || '/')) throw new Error('[publicBaseUrl] must contain the [basePath]');
if ((settings['xpack.security.encryptionKey'] ?? '').length < 32) throw new Error('[xpack.security.encryptionKey]: too short');
const cookieName = settings['xpack.security.cookieName'] ?? 'sid';
const password = readFileSync('/run/secrets/elasticsearch-admin-password', 'utf8').trim();
const SESSION = 'Fe26.2**0123456789abcdef*session_of-admin*';

const json = (response, status, body) =>
  response.writeHead(status, { 'content-type': 'application/json', 'kbn-name': 'kibana' }).end(JSON.stringify(body));

function answer(request, response, path, body) {
  const { headers, method } = request;
  if (path === '/api/status') return json(response, 200, { status: { overall: { level: 'available' } } });
  if (!['GET', 'HEAD', 'OPTIONS'].includes(method) && !headers['kbn-xsrf'] && !headers['kbn-version'])
    return json(response, 400, { statusCode: 400, message: 'Request must contain a kbn-xsrf header.' });
  if (path === '/internal/security/login' && method === 'POST') {
    const { params } = JSON.parse(body);
    if (params?.username !== 'admin' || params.password !== password) return json(response, 401, { message: 'Unauthorized' });
    response.setHeader('set-cookie', `${cookieName}=${SESSION}; HttpOnly; Path=${base || '/'}`);
    return json(response, 200, { location: `${base}/` });
  }
  if (path === '/login') return response.writeHead(200, { 'content-type': 'text/html' }).end('<form>');
  const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  const session = new RegExp(`(?:^|; *)${cookieName}=([^;]*)`).exec(headers.cookie ?? '')?.[1];
  if (headers.authorization !== basic && session !== SESSION) {
    if (/^\/(api|internal)\//.test(path)) return json(response, 401, { message: 'Unauthorized' });
    return response.writeHead(302, { location: `${base}/login?next=${encodeURIComponent(`${base}${path}`)}` }).end();
  }
  if (path === '/api/saved_objects/_import') return json(response, 200, { success: true });
  if (path.startsWith('/internal/search/'))
    return json(response, 200, { rawResponse: {}, told: { cookie: headers.cookie, host: headers.host } });
  const policy =
    "script-src 'report-sample' 'self'; worker-src 'report-sample' 'self' blob:; style-src 'report-sample' 'self' 'unsafe-inline'";
  response
    .writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy })
    .end(`<script src="${base}/bundles/kbn.js"></script>`);
}

http
  .createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const path = request.url.split('?')[0];
      if (rewrites && path !== base && !path.startsWith(`${base}/`)) return json(response, 404, { message: 'Not Found' });
      answer(request, response, (rewrites ? path.slice(base.length) : path) || '/', Buffer.concat(parts).toString());
    });
  })
  .listen(Number(settings['server.port']), settings['server.host']);
process.on('SIGTERM', () => process.exit(0));
