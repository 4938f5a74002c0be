// For nginx (njs): what the edge tells the application of who is signed in, and where it sends who is not.
// biome-ignore lint/style/useNodejsImportProtocol: njs knows modules by their plain names
import crypto from 'crypto';

const SECONDS = 60;
const NAME = '__Host-medianest';

const text = (base64) => Buffer.from(base64, 'base64').toString('utf8');
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const passes = (r) => r.headersOut['Remote-User'] && Number(r.headersOut['Remote-Until']) > Date.now() / 1000;

// A JWT (RFC 7519) in HS256: it is good for a minute, and for the host that was asked.
function assertion(claims, now) {
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(Object.assign(claims, { iat: now, exp: now + SECONDS }))}`;
  return `${signed}.${crypto.createHmac('sha256', sign_on_key.key).update(signed).digest('base64url')}`;
}

// Adds to an answer of the provider what the application is told.
function tell(r) {
  const out = r.headersOut;
  const groups = out['Remote-Groups'];
  const claims = {
    sub: out['Remote-User'],
    name: text(out['Remote-Name'] || ''),
    email: out['Remote-Email'] || '',
    groups: groups ? groups.split(',') : [],
    mfa: out['Remote-Mfa'] === '1',
    aud: r.variables.host,
  };
  out['Remote-Name'] = claims.name;
  out['Remote-Assertion'] = assertion(claims, Math.floor(Date.now() / 1000));
}

// An answer that is remembered says until when it may be: nginx itself would serve it for as long as requests for it come, and still has the one
// of before a refusal. Where the provider cannot be asked, a session passes only if it was not refused since its last answer.
function sign(r) {
  const known = ngx.shared.known_sessions;
  const session = r.headersIn.Cookie;
  if (r.status === 401) known.delete(session);
  if (r.status !== 200) return;
  if (!passes(r) || (r.variables.upstream_cache_status === 'STALE' && !known.has(session))) {
    r.status = 503;
    return;
  }
  known.set(session, 1);
  tell(r);
}

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

// The provider's own pages get what these read, and the session alone that the edge has judged: the engine would also find one after a comma,
// a space or another =.
function portalCookies(r) {
  const own = (r.headersIn.Cookie || '').split(';').map((cookie) => cookie.trim());
  const kept = own.filter((cookie) => /^(?:__Host-medianestpdata|llnglanguage)=[\w.~!*'()%-]*$/.test(cookie));
  if (r.variables.session_cookie) kept.push(`${NAME}=${r.variables.session_cookie}`);
  return kept.join('; ');
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
  v.token_name = r.headersOut['Remote-Token'] || '';
  if (r.status === 200) {
    if (!passes(r) || (v.upstream_cache_status === 'STALE' && !known.has(hash))) return failed(r);
    known.set(hash, 1);
    const paths = (r.headersOut['Remote-Paths'] || '').toLowerCase().split(' ');
    const path = (v.asked_path || '').toLowerCase();
    if (paths[0] === '' || paths.some((start) => path.startsWith(start))) return tell(r);
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

export default { boundToken, cookies, portalCookies, sign, signInAt, tokenFirstLook, tokenHash };
