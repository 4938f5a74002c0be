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

// An answer that is remembered says until when it may be: nginx itself would serve it for as long as requests for it come.
function bound(r) {
  if (r.status !== 200) return;
  const until = Number(r.headersOut['Remote-Until']);
  if (until > Date.now() / 1000) return;
  r.status = 401;
  r.variables.sign_on_failed = '1';
}

export default { assertion, bound, cookies, name, signInAt };
