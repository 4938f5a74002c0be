import { request } from 'node:https';

/**
 * `fetch` for client libraries, to one server whose certificate is of an authority of its own. Redirects are not followed.
 * @param ca PEM; any certificate is taken without it
 */
export const fetchBy =
  (ca?: string) =>
  (address: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const url = new URL(address instanceof Request ? address.url : address);
      const body = init.body === undefined || init.body === null ? undefined : String(init.body);
      const headers = new Headers(init.headers);
      if (init.body instanceof URLSearchParams && !headers.has('content-type'))
        headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
      const sent = request(
        url,
        { method: init.method ?? 'GET', headers: Object.fromEntries(headers), ...(ca ? { ca } : { rejectUnauthorized: false }) },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            const told = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
            resolve(new Response(Buffer.concat(parts), { status: answer.statusCode ?? 0, headers: told }));
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
