import { timingSafeEqual } from 'node:crypto';

/** How far back the dashboard looks, by the word in its address. */
export const RANGES = { '1h': 3600, '6h': 21_600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000 } as const;
export type Range = keyof typeof RANGES;
const DEFAULT_RANGE: Range = '6h';

/** What a request to the dashboard asks for, or the status that refuses it. */
export type Asked = { page: 'whole' | 'part'; range: Range } | { refused: 404 | 405 | 421 };

/** What a browser calls this host. A name of anybody else's that was led here (DNS rebinding) is none of them. */
const HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/** The port is not compared: through `ssh -L` it is another one. */
export function askedFor({ method, host, url }: { method: string; host: string | undefined; url: string }, token: string): Asked {
  if (host === undefined || !HOSTS.includes(host.replace(/:\d+$/, '').toLowerCase())) return { refused: 421 };
  if (!URL.canParse(url, 'http://localhost')) return { refused: 404 };
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [, given = '', page, ...more] = pathname.split('/');
  if (!isSame(given, token) || page === undefined || more.length > 0 || !(page === '' || page === 'part')) return { refused: 404 };
  if (method !== 'GET' && method !== 'HEAD') return { refused: 405 };
  const wanted = searchParams.get('for') ?? '';
  return { page: page === 'part' ? 'part' : 'whole', range: Object.hasOwn(RANGES, wanted) ? (wanted as Range) : DEFAULT_RANGE };
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
