// For nginx (njs): what the edge tells the application of who is signed in, and where it sends who is not.
// biome-ignore lint/style/useNodejsImportProtocol: njs knows modules by their plain names
import crypto from 'crypto';

const SECONDS = 60;
const NAME = '__Host-medianest';

const text = (base64) => Buffer.from(base64, 'base64').toString('utf8');
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// A JWT (RFC 7519) in HS256, made for each request: it is good for a minute, and for the host that was asked.
function assertion(r) {
  const v = r.variables;
  if (!v.signed_user) return '';
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: v.signed_user,
    name: text(v.signed_name),
    email: v.signed_email,
    groups: v.signed_groups ? v.signed_groups.split(',') : [],
    mfa: v.signed_mfa === '1',
    aud: v.host,
    iat: now,
    exp: now + SECONDS,
  };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${crypto.createHmac('sha256', sign_on_key.key).update(signed).digest('base64url')}`;
}

const name = (r) => text(r.variables.signed_name || '');

// The session is no business of the application: all that it gets are the visitor's other cookies.
function cookies(r) {
  const all = r.headersIn.Cookie;
  if (!all) return '';
  return all
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '' && !cookie.startsWith(NAME))
    .join('; ');
}

// As the engine takes it: the address in base64, which it returns to after the sign-in where the host is one of ours.
function signInAt(r) {
  const v = r.variables;
  const here = `https://${v.host}${v.https_port_suffix}`;
  return `${here}/auth/?url=${encodeURIComponent(Buffer.from(here + v.request_uri).toString('base64'))}`;
}

const failed = (r) => {
  r.status = 401;
  r.variables.sign_on_failed = '1';
};

// An answer that is remembered says until when it may be: nginx itself would serve it for as long as requests for it come.
function bound(r) {
  if (r.variables.token_given) return boundToken(r);
  if (r.status === 200 && !(Number(r.headersOut['Remote-Until']) > Date.now() / 1000)) failed(r);
}

// The provider gets a hash alone: the token stays here.
function tokenHash(r) {
  const token = /^bearer +(mn_[\w-]{43})$/i.exec(r.headersIn.Authorization || '');
  return token ? crypto.createHash('sha256').update(token[1]).digest('hex') : '';
}

// Refused tokens are counted by client and minute. A token that has passed lately is asked about all the same: others behind one
// address cannot shut it out.
const triesOf = (r) => `${r.rawVariables.client.toString('hex')}:${Math.floor(Date.now() / 60000)}`;

function tokenFirstLook(r) {
  const v = r.variables;
  const most = Number(v.token_tries_limit);
  const known = v.token_hash && ngx.shared.known_tokens.has(v.token_hash);
  if (most > 0 && !known && (ngx.shared.token_tries.get(triesOf(r)) || 0) >= most) return 'tries';
  return v.token_hash ? '' : 'malformed';
}

// Where the provider cannot be asked, a token passes only if it was not refused since its last answer.
function boundToken(r) {
  const v = r.variables;
  const hash = v.token_hash;
  const known = ngx.shared.known_tokens;
  if (v.needs === 'open') return;
  v.token_name = r.headersOut['Remote-Token'] || '';
  if (r.status === 200) {
    const ended = !(Number(r.headersOut['Remote-Until']) > Date.now() / 1000);
    if (ended || (v.upstream_cache_status === 'STALE' && !known.has(hash))) return failed(r);
    known.set(hash, 1);
    const paths = (r.headersOut['Remote-Paths'] || '').toLowerCase().split(' ');
    const path = (v.asked_path || '').toLowerCase();
    if (paths[0] === '' || paths.some((start) => path.startsWith(start))) return;
    r.status = 401;
    v.token_refused = 'path';
    return;
  }
  const reason = v.token_first_look || r.headersOut['Remote-Refused'];
  if (!reason) return;
  v.token_refused = reason;
  if (reason === 'role' || reason === 'mfa' || reason === 'tries') return;
  known.delete(hash);
  ngx.shared.token_tries.incr(triesOf(r), 1, 0);
}

export default { assertion, bound, cookies, name, signInAt, tokenFirstLook, tokenHash };
