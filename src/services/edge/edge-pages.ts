import type { Overrides } from '../../stack/overrides.ts';
import { nginxText } from './settings/edge-text.ts';

interface Page {
  /** An HTTP status, or a name of the edge's own for one of its causes. */
  status: number | string;
  /** For programs. */
  code: string;
  title: string;
  text: string;
  /** Seconds after which to try again; browsers do so by themselves. */
  retryAfter?: number;
}

const AWAY: Omit<Page, 'status'> = {
  code: 'unavailable',
  title: 'The portal will be right back',
  text: 'It is starting, or being updated, and cannot answer just now. This page tries again by itself.',
  retryAfter: 5,
};

const PAGES: readonly Page[] = [
  {
    status: 400,
    code: 'bad-request',
    title: 'That request made no sense',
    text: 'The browser sent something that this server cannot read.',
  },
  {
    status: 403,
    code: 'blocked',
    title: 'That request was blocked',
    text: 'It looked like an attack. If it was not, tell the person who runs this portal, with the number below.',
  },
  { status: 404, code: 'not-found', title: 'There is nothing here', text: 'The address is wrong, or what was here is gone.' },
  { status: 405, code: 'not-allowed', title: 'That is not possible here', text: 'This address does not take such requests.' },
  { status: 413, code: 'too-large', title: 'That is too large', text: 'The file or the request is larger than this portal accepts.' },
  { status: 414, code: 'address-too-long', title: 'That address is too long', text: 'This server does not read addresses of that length.' },
  {
    status: 421,
    code: 'wrong-name',
    title: 'No portal has this name',
    text: 'This server does not answer to the name in the address bar.',
  },
  { status: 429, code: 'too-many-requests', title: 'Too many requests', text: 'Wait a moment, then try again.', retryAfter: 10 },
  {
    status: 431,
    code: 'headers-too-large',
    title: 'The browser sent too much',
    text: 'Deleting this site’s cookies in the browser helps.',
  },
  { status: 500, code: 'server-error', title: 'Something went wrong', text: 'The request could not be finished. Trying again may help.' },
  { status: 502, ...AWAY },
  { status: 503, ...AWAY },
  { status: 504, ...AWAY },
  {
    status: 507,
    code: 'full',
    title: 'There is no room left',
    text: 'The disk of this server is nearly full, and takes no more files. Tell the person who runs it.',
  },
];

/** With sign-on: the same statuses have another cause. */
const SIGN_ON_PAGES: readonly Page[] = [
  {
    status: 'refused',
    code: 'not-allowed-for-you',
    title: 'This is not for your account',
    text: 'You are signed in, and your account may not see this, or needs a second factor for it: /auth/2fregisters. The person who runs this portal can change that.',
  },
  {
    status: 'away',
    code: 'sign-in-unavailable',
    title: 'Sign-in does not work just now',
    text: 'The sign-in does not answer. This page tries again by itself.',
    retryAfter: 5,
  },
];

const MAX_MESSAGE = 500;

/** An operator's own words on one line, at a length that fits into nginx's configuration however it is escaped. */
const oneLine = (text: string): string =>
  text
    .replace(/\p{C}+|\s+/gu, ' ')
    .trim()
    .slice(0, MAX_MESSAGE);

function maintenancePage(order: NonNullable<Overrides['maintenance']>): Page {
  return {
    status: 503,
    code: 'maintenance',
    title: 'The portal is being looked after',
    text: oneLine(order.message ?? '') || 'It is closed for maintenance and will be back soon. This page tries again by itself.',
    retryAfter: Math.max(1, Math.trunc(order.retryAfterSeconds)),
  };
}

/** Every page that nginx itself may answer with, as parameters of its configuration. */
export function errorPages(maintenance: Overrides['maintenance'], signsIn: boolean) {
  const pages = maintenance ? PAGES.map((page) => (page.status === 503 ? maintenancePage(maintenance) : page)) : PAGES;
  return [...pages, ...(signsIn ? SIGN_ON_PAGES : [])].map(({ status, code, title, text, retryAfter }) => ({
    status,
    code,
    title: nginxText(title),
    text: nginxText(text),
    jsonText: nginxText(JSON.stringify(text)),
    retryAfter: String(retryAfter ?? ''),
  }));
}
