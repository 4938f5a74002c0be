/** Hides secrets in log lines, which programs write for the moment and the log store keeps. */

const HIDDEN = '[redacted]';

/** Whether there may be anything to hide: one cheap look, as nearly all lines have nothing. */
const SUSPECT = /authorization|bearer|cookie|pass|pwd|secret|token|credential|api[-_]?key|private[-_ ]key|x-amz-|basic[\s%+]/i;

/**
 * `https://user:password@host`: the whole of it, as a token may stand in the user's place. Programs print passwords that no URL may
 * have, with `@`, `/` or `?`; digits up to a `/` are a port.
 */
const IN_ADDRESS =
  /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^/\s"'<>?#]{1,512}|[^/\s@:"'<>?#]{0,128}:(?!\d{1,5}\/)[^\s@"'<>]{1,512})@/gi;

/** `Authorization: Bearer x`, `"authorization":"Basic x"`, `Cookie: a=b; c=d`: up to the end of the value. */
const HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie)(["'\\]{0,3}\s{0,3}[:=]\s{0,3}["'\\[]{0,4})(?:(?:bearer|basic|digest|apikey|token|negotiate)\s{1,3})?[^\s"'\\,;}\]]{1,8192}(?:;\s?[^\s"'\\,;}\]]{1,8192}){0,50}/gi;
/** `Basic dXNlcjpwYXNz` wherever it stands: lists of headers have the name in another place. Words that follow `basic` are none (`isProof`). */
const BASIC = /(?<![a-z])(basic(?:\s{1,3}|%20|\+))([\w+/-]{8,8192}={0,2})/gi;
const BEARER = /\b(bearer\s{1,3})[\w.~+/=-]{8,8192}/gi;

const SECRET_NAME =
  '(?:[\\w-]{0,40}[_-])?(?:pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?key)?|(?:access|auth|refresh|id|csrf|session|x-plex-)?[_-]?token|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|x-amz-(?:signature|credential|security-token))';
/** `password=x`, `token: x`, `"apiKey":"x"`, SQL's `PASSWORD 'x'`, `?X-Plex-Token=x`. */
const VALUE = `(["'\\\\]{0,3}\\s{0,3}[:=]\\s{0,3}|\\s{1,3}(?=['"]))(?:\\\\?"[^"\\\\]{0,8192}\\\\?"|'[^']{0,8192}'|[^\\s"'\\\\,;&}\\])]{1,8192})`;
const NAMED = new RegExp(`\\b(${SECRET_NAME})${VALUE}`, 'gi');
const CAMEL_NAME = '[a-z]\\w{0,40}(?:Pass(?:word|wd|phrase)?|Secret|Token|Credentials?|ApiKey|PrivateKey)';
/** `"clientSecret":"x"`: here the case tells where the word begins. */
const CAMEL = new RegExp(`\\b(${CAMEL_NAME})${VALUE}`, 'g');
/** The same as the name of a field; its value goes as a whole. */
const SECRET_KEY = new RegExp(`^(?:${SECRET_NAME}|(?:proxy-)?authorization|(?:set-)?cookie)$`, 'i');
const SECRET_CAMEL_KEY = new RegExp(`^${CAMEL_NAME}$`);
const PEM = /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]{0,16384}(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?/g;

/** Whether a text may have a secret in it. Says yes too often, never too rarely. */
export const mayHoldSecret = (text: string): boolean => SUSPECT.test(text) || (text.includes('://') && text.includes('@'));

/**
 * A text with `[redacted]` in place of what looks like a secret: user and password in addresses, headers that prove who calls,
 * values whose name says that they are secret, private keys. Every pattern is bounded, so that no text takes long.
 */
export function masked(text: string): string {
  if (!mayHoldSecret(text)) return text;
  return text
    .replace(PEM, HIDDEN)
    .replace(IN_ADDRESS, `$1${HIDDEN}@`)
    .replace(HEADER, `$1$2${HIDDEN}`)
    .replace(BASIC, (whole: string, scheme: string, proof: string) => (isProof(proof) ? `${scheme}${HIDDEN}` : whole))
    .replace(BEARER, `$1${HIDDEN}`)
    .replace(NAMED, `$1$2${HIDDEN}`)
    .replace(CAMEL, `$1$2${HIDDEN}`);
}

/** Whether it is the base64 of `user:password` (RFC 7617). */
function isProof(text: string): boolean {
  const plain = Buffer.from(text, 'base64').toString('latin1');
  return plain.includes(':') && /^[\x20-\x7e\x80-\xff]+$/.test(plain);
}

/** The same of a value of JSON, however deep: texts are masked, and a field whose name says that it is secret is hidden as a whole. */
export function maskedValue(value: unknown, key = ''): unknown {
  if ((SECRET_KEY.test(key) || SECRET_CAMEL_KEY.test(key)) && value !== null && typeof value !== 'boolean' && value !== '') return HIDDEN;
  if (typeof value === 'string') return masked(value);
  if (Array.isArray(value)) return value.map((entry) => maskedValue(entry));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, maskedValue(entry, name)]));
}
