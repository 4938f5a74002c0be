// Grafana 12 as its sources have it (pkg/middleware/subpath_redirect.go, pkg/middleware/csrf, pkg/services/authn/clients/{proxy,grafana}.go),
// by the very configuration that it is given.
import { readFileSync } from 'node:fs';
import http from 'node:http';

const ini = {};
let section = '';
for (const line of readFileSync(process.env.GF_PATHS_CONFIG, 'utf8').split('\n')) {
  const [, name] = /^\[(.+)\]$/.exec(line) ?? [];
  if (name) section = name;
  const [, key, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
  if (key) ini[section] = { ...ini[section], [key]: value };
}
const { http_addr: address, http_port: port, root_url: root, serve_from_sub_path: below } = ini.server;
const proxy = ini['auth.proxy'] ?? {};
const appUrl = root ?? `http://localhost:${port}/`;
const base = new URL(appUrl).pathname.replace(/\/$/, '');
const password = readFileSync('/run/secrets/grafana-admin-password', 'utf8').trim();
const live = Number(ini.live?.max_connections ?? 100);
const ROLES = ['None', 'Viewer', 'Editor', 'Admin'];

/** Login -> user. The first is made at the first start, and is the only administrator of the server. */
const users = new Map([['admin', { login: 'admin', email: 'admin@localhost', isGrafanaAdmin: true, orgRole: 'Admin' }]]);

/** `net/mail` takes an address without a dot in its domain. */
const address5322 = (text) => (/^[\w.-]*[\w-]@[\w.-]+$/.test(text) ? text : '');

function bySignIn(request) {
  const login = request.headers[String(proxy.header_name).toLowerCase()];
  if (proxy.enabled !== 'true' || !login) return undefined;
  const from = request.socket.remoteAddress.replace(/^::ffff:/, '');
  if (
    proxy.whitelist &&
    !proxy.whitelist
      .split(',')
      .map((each) => each.trim())
      .includes(from)
  )
    return undefined;
  const role = request.headers[/Role:(\S+)/.exec(proxy.headers)[1].toLowerCase()];
  if (!ROLES.includes(role)) return undefined;
  const email = address5322(login) || login;
  const known = [...users.values()].find((user) => user.login === login || user.email === email);
  const user = known ?? { login, email, isGrafanaAdmin: false };
  user.orgRole = role;
  users.set(user.login, user);
  return user;
}

function byPassword({ headers }) {
  const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  const cookie = /(?:^|; )grafana_session=([^;]+)/.exec(headers.cookie ?? '')?.[1];
  return headers.authorization === basic || cookie === 'of-the-administrator' ? users.get('admin') : undefined;
}

const json = (response, status, body) =>
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));

/** The check is skipped without a session's cookie, and looks at names alone. */
function isForged({ method, headers }) {
  if (!/grafana_session=/.test(headers.cookie ?? '') || ['HEAD', 'OPTIONS', 'TRACE'].includes(method) || !headers.origin) return false;
  return new URL(headers.origin).hostname !== new URL(`http://${headers.host}`).hostname;
}

function answer(request, response, path, body) {
  if (path === '/api/health') return json(response, 200, { database: 'ok' });
  if (path.startsWith('/public/'))
    return response.writeHead(200, { 'content-type': 'text/javascript', 'cache-control': 'public, max-age=3600' }).end('//');
  if (isForged(request)) return response.writeHead(403).end('origin not allowed');
  if (path === '/login' && request.method === 'POST') {
    const given = JSON.parse(body);
    if (given.user !== 'admin' || given.password !== password) return json(response, 401, { message: 'Invalid username or password' });
    response.setHeader('set-cookie', `grafana_session=of-the-administrator; Path=${base || '/'}; HttpOnly; SameSite=Strict`);
    return json(response, 200, { message: 'Logged in' });
  }
  const user = bySignIn(request) ?? byPassword(request);
  if (!user) {
    if (path.startsWith('/api')) return json(response, 401, { message: 'Unauthorized' });
    if (path !== '/login') return response.writeHead(302, { location: `${base}/login` }).end();
  }
  const may = (role) => ROLES.indexOf(user.orgRole) >= ROLES.indexOf(role);
  const { cookie, authorization, 'content-length': bytes } = request.headers;
  if (path === '/api/user') return json(response, 200, { ...user, told: { cookie, authorization, host: request.headers.host } });
  if (path === '/api/ds/query' && request.method === 'POST') {
    if (!JSON.parse(body).queries?.length) return json(response, 400, { message: 'no query found' });
    return json(response, 200, { results: {}, bytes: Number(bytes) });
  }
  if (path === '/api/datasources' && request.method === 'POST') return json(response, may('Admin') ? 200 : 403, {});
  if (/^\/api\/dashboards\//.test(path)) return json(response, may('Editor') ? 200 : 403, { method: request.method });
  // Live, where it was asked for in plain HTTP.
  if (path === '/api/live/ws') return json(response, live === 0 ? 404 : 400, {});
  const policy = `script-src 'self' 'unsafe-eval' 'nonce-1'; connect-src 'self' wss://${appUrl.replace(/^https?:\/\//, '')}`;
  const headers = {
    'content-type': 'text/html',
    'content-security-policy': policy,
    'x-frame-options': 'deny',
    'cache-control': 'no-store',
  };
  response.writeHead(200, headers).end(`<base href="${base}/"><script src="public/build/app.js"></script>`);
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const inside = request.url.startsWith(base);
    if (below === 'true' && !inside && !request.url.startsWith('/api'))
      return response.writeHead(301, { location: `${appUrl}${request.url.slice(1)}` }).end();
    const path = (below === 'true' && inside ? request.url.slice(base.length) : request.url).split('?')[0] || '/';
    answer(request, response, path, Buffer.concat(parts).toString());
  });
});
server.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${live === 0 ? '404 Not Found' : '101 Switching Protocols'}\r\n\r\n`));
server.listen(Number(port), address);
process.on('SIGTERM', () => process.exit(0));
