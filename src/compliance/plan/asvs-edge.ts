import type { EdgeAnswer, EdgeEvidence } from './evidence.ts';
import { asked, byHand, cannotTell, type Judgement, met, names, notApplicable, open, type Row, row } from './point.ts';

const YEAR_SECONDS = 31_536_000;

const headerOf = ({ headers }: EdgeAnswer, name: string): string => [headers[name] ?? ''].flat().join(', ');

/** Neither TLS 1.0 nor 1.1, and the newest is preferred. */
export function judgeVersions({ at, versions, preferred }: EdgeEvidence): Judgement {
  const old = (['TLSv1', 'TLSv1.1'] as const).filter((version) => versions[version]);
  if (old.length > 0)
    return open(`${at} accepts ${names(old)}`, 'the edge’s configuration was edited by hand: `medianest up` renders it again');
  const unknown = (['TLSv1', 'TLSv1.1'] as const).filter((version) => versions[version] === undefined);
  if (unknown.length > 0)
    return cannotTell(
      `this host cannot offer ${names(unknown)} by itself, or got no answer`,
      '`medianest certs test` asks with testssl.sh',
    );
  if (preferred !== 'TLSv1.3') return open(`${at} prefers ${preferred ?? 'nothing'}`, 'set `edge.tls.ciphers` to intermediate or modern');
  return met(`${at}: ${versions['TLSv1.2'] ? 'TLS 1.2 and 1.3' : 'TLS 1.3 alone'}, older refused`);
}

/** Plain HTTP leads to HTTPS, and nothing else. */
export function judgePlain({ plain }: EdgeEvidence): Judgement {
  if (!plain) return met('no port of plain HTTP is published');
  if (plain.status === 0) return cannotTell('the port of plain HTTP does not answer', '`medianest why edge`');
  const to = headerOf(plain, 'location');
  return [301, 302, 307, 308].includes(plain.status) && to.startsWith('https://')
    ? met(`plain HTTP is answered with ${plain.status} to https://`)
    : open(
        `plain HTTP is answered with ${plain.status}, and content`,
        'publish the portal by the edge alone: remove other ports from compose.override.yml',
      );
}

function judgeTrust({ at, trusted, local }: EdgeEvidence): Judgement {
  if (trusted === true) return met(`the certificate at ${at} is trusted by public CAs`);
  if (local) return notApplicable(`published on the loopback alone (${trusted})`);
  return open(
    `the certificate at ${at} is not trusted: ${trusted}`,
    'set `edge.certificate: acme` or `imported` (docs/certificates.md); for known visitors, hand out the internal CA: `medianest certs ca`',
  );
}

/** What the application decides about a page can be seen of a page alone, not of an error. */
const ofPage =
  (judge: (page: EdgeAnswer) => Judgement) =>
  ({ edge: { page } }: { edge: EdgeEvidence }): Judgement => {
    if (page.status >= 400) return cannotTell(`the page / is answered with ${page.status}`, '`medianest health`');
    if (page.status >= 300) return cannotTell(`the page / leads elsewhere (${page.status}), to the sign-in for example: look there`);
    return judge(page);
  };

const hsts = row('V3.4.1', 'Browsers are told to insist on HTTPS for a year', ['edge'], ({ edge }) => {
  const said = headerOf(edge.page, 'strict-transport-security');
  const seconds = Number(/max-age="?(\d+)/i.exec(said)?.[1] ?? 0);
  return seconds >= YEAR_SECONDS
    ? met(`Strict-Transport-Security: ${said}`)
    : open(
        said === '' ? 'no Strict-Transport-Security' : `Strict-Transport-Security: ${said}`,
        '`edge.hsts: true`, once all names of visitors have a trusted certificate',
      );
});

const cors = row(
  'V3.4.2',
  'Other sites may not read answers',
  ['edge'],
  ofPage((page) => {
    const allowed = headerOf(page, 'access-control-allow-origin');
    if (allowed === '') return met('a request of a foreign origin gets no Access-Control-Allow-Origin');
    if (allowed === '*') return byHand('Access-Control-Allow-Origin: *: is nothing secret in these answers?');
    return allowed === FOREIGN_ORIGIN
      ? open(`the foreign origin ${FOREIGN_ORIGIN} is allowed`, 'the application has to compare origins with a list')
      : met(`Access-Control-Allow-Origin is fixed: ${allowed}`);
  }),
);

/** Whose page the edge is asked for. */
export const FOREIGN_ORIGIN = 'https://foreign.invalid';

const cookies = row(
  'V3.3.1',
  'Cookies are Secure, with the prefix __Host- or __Secure-',
  ['edge'],
  ofPage((page) => {
    const set = [page.headers['set-cookie'] ?? []].flat();
    if (set.length === 0) return byHand('the page / sets none: look at the cookies after sign-in');
    const bad = set.filter((cookie) => !/;\s*secure\b/i.test(cookie) || !/^__(Host|Secure)-/.test(cookie));
    return bad.length > 0
      ? open(`not so: ${names(bad.map((cookie) => cookie.split('=')[0] ?? ''))}`, 'the application has to set them so')
      : met(`all ${set.length} of the page /`);
  }),
);

const contentType = row(
  'V4.1.1',
  'Answers say their type and their character set',
  ['edge'],
  ofPage((page) => {
    const type = headerOf(page, 'content-type');
    if (type === '') return open('the page / has no Content-Type', 'the application has to send one');
    return /^(text\/|[^;]*\+?xml)/i.test(type) && !/charset=/i.test(type)
      ? open(`the page / has ${type}, without a character set`, 'the application has to add `; charset=utf-8`')
      : met(`the page / is ${type}`);
  }),
);

const context = row('V3.2.1', 'Answers are not shown as something else than they are', ['edge'], ({ edge: { page } }) => {
  const missing = ['content-security-policy', 'x-content-type-options'].filter((name) => headerOf(page, name) === '');
  return missing.length > 0
    ? open(`the page / has no ${names(missing)}`, 'set `edge.contentPolicy`, and leave X-Content-Type-Options to the edge')
    : met('the page / has a Content-Security-Policy and nosniff');
});

const uploads = row('V5.2.1', 'Files that are too large are refused', ['edge'], ({ edge }) =>
  edge.oversized === 0
    ? cannotTell('a body of a terabyte is not answered', '`medianest logs edge`')
    : edge.oversized === 413
      ? met('a body of a terabyte is refused before it is sent (413)')
      : open(`a body of a terabyte is answered with ${edge.oversized}`, 'set `edge.bodyLimit` and `app.uploadLimit`'),
);

/** What sign-on does by itself (docs/sign-on.md, Limits). */
const WAITS = 'sign-on makes an account wait after three wrong passwords';

const guessing = row('V6.3.1', 'Guessing of passwords is slowed', ['limits', 'edge', 'signOn'], ({ limits, signOn }) => {
  const waits = signOn.length > 0 ? `${WAITS}; ` : '';
  return limits.login
    ? met(`${waits}the edge limits attempts for each address (\`edge.login\`)`)
    : open(`${waits}nothing limits the attempts of one address`, 'set `edge.login` with the paths where people sign in');
});

/** What the edge in front of the application shows. */
export const ASVS_EDGE: readonly Row[] = [
  context,
  cookies,
  hsts,
  cors,
  contentType,
  row('V4.4.1', 'WebSockets are encrypted', ['edge'], ({ edge }) => judgePlain(edge)),
  uploads,
  row('V6.1.1', 'How guessing of passwords is slowed is written down', ['limits', 'signOn'], ({ limits, signOn }) =>
    byHand(
      `docs/settings.md describes \`edge.login\` and \`edge.rateLimit\` (${limits.login ? 'in force' : 'off'}); ${
        signOn.length > 0 ? `${WAITS} (docs/sign-on.md)` : 'what the application does besides, its makers tell'
      }`,
    ),
  ),
  guessing,
  row('V11.3.1', 'No weak modes of ciphers', ['edge'], ({ edge }) => judgeCipher(edge)),
  row('V11.3.2', 'Approved ciphers alone', ['edge'], ({ edge }) => judgeCipher(edge)),
  asked('V11.4.1', 'Approved hashes alone', 'the stack uses SHA-256 and scrypt; what the application uses, its makers tell'),
  row('V12.1.1', 'TLS 1.2 and 1.3 alone, the newest preferred', ['edge'], ({ edge }) => judgeVersions(edge)),
  row('V12.2.1', 'Visitors are served over TLS alone', ['edge'], ({ edge }) => judgePlain(edge)),
  row('V12.2.2', 'Visitors get a certificate of a public CA', ['edge'], ({ edge }) => judgeTrust(edge)),
  asked(
    'V13.4.1',
    'No .git or .svn is in the application',
    'the image of medianest’s portal has none; look into your own: `medianest exec app-1 -- find / -xdev -name .git`',
  ),
  asked(
    'V15.1.1',
    'It is written down how fast components are corrected',
    'decide how soon after `medianest images outdated` tells of a correction it is installed',
  ),
  asked(
    'V15.2.1',
    'No component is older than that allows',
    '`medianest images outdated`, and the list of the application’s own libraries',
  ),
];

function judgeCipher({ at, cipher }: EdgeEvidence): Judgement {
  if (cipher === null) return cannotTell(`no handshake with ${at} succeeded`);
  return /GCM|POLY1305|CCM/.test(cipher)
    ? byHand(`${at} agrees on ${cipher}; \`medianest certs test\` lists all; what the application encrypts by itself, its makers tell`)
    : open(`${at} agrees on ${cipher}`, 'set `edge.tls.ciphers: intermediate`');
}
