/** One request, as data. At most one of `json`, `form`, `parts` and `raw` is its body. */
export interface Asked {
  name: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  form?: string;
  /** Parts of a multipart form. */
  parts?: readonly { field: string; file?: string; type?: string; text: string }[];
  /** Any other body. */
  raw?: { type?: string; body: string | Buffer };
}

const pairs = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value).replaceAll('%20', '+')}`)
    .join('&');

export const get = (path: string, query: Record<string, string> = {}, headers: Record<string, string> = {}): Asked => {
  const text = pairs(query);
  const address = text ? `${path}?${text}` : path;
  return { name: `GET ${address}`, path: address, headers };
};

export const json = (path: string, value: unknown, method = 'POST'): Asked => ({
  name: `${method} ${path} ${JSON.stringify(value)}`,
  method,
  path,
  json: value,
});

export const form = (path: string, values: Record<string, string>): Asked => ({
  name: `form ${path} ${pairs(values)}`,
  method: 'POST',
  path,
  form: pairs(values),
});

export const file = (path: string, name: string, more: Record<string, string> = {}, type = 'application/octet-stream'): Asked => ({
  name: `file ${path} ${name}`,
  method: 'POST',
  path,
  parts: [
    ...Object.entries(more).map(([field, text]) => ({ field, text })),
    { field: 'file', file: name, type, text: 'some bytes of a file' },
  ],
});

export const raw = (path: string, type: string, body: string | Buffer, method = 'POST', headers: Record<string, string> = {}): Asked => ({
  name: `${method} ${path} ${type} ${body.toString('latin1').slice(0, 60)}`,
  method,
  path,
  headers,
  raw: { type, body },
});

const BOUNDARY = '----WebKitFormBoundary7MA4YWxk';
const OPEN = `--${BOUNDARY}\r\nContent-Disposition: form-data; name=`;

/** As browsers write it: a quote in a name is %22. */
const quoted = (text: string): string => `"${text.replaceAll('"', '%22').replaceAll('\r\n', '%0D%0A')}"`;

/** What goes over the line. */
export function bodyOf(asked: Asked): { type?: string | undefined; body: string | Buffer } | undefined {
  if (asked.json !== undefined) return { type: 'application/json', body: JSON.stringify(asked.json) };
  if (asked.form !== undefined) return { type: 'application/x-www-form-urlencoded', body: asked.form };
  if (asked.raw) return asked.raw;
  if (!asked.parts) return undefined;
  const parts = asked.parts.map(({ field, file: name, type, text }) => {
    const named = name === undefined ? '' : `; filename=${quoted(name)}`;
    const typed = type ?? (name === undefined ? undefined : 'application/octet-stream');
    return `${OPEN}${quoted(field)}${named}${typed ? `\r\nContent-Type: ${typed}` : ''}\r\n\r\n${text}\r\n`;
  });
  return { type: `multipart/form-data; boundary=${BOUNDARY}`, body: `${parts.join('')}--${BOUNDARY}--\r\n` };
}
