import { createHmac } from 'node:crypto';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer, whole. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** @throws where the body is no JSON */
  json<T = Record<string, unknown>>(): T;
}

interface Asked {
  method?: string;
  form?: Record<string, string>;
  /** As a page's own script sends it: JSON, from this very origin. */
  json?: object;
  headers?: Record<string, string>;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The code that an authenticator app shows (RFC 6238: HMAC-SHA-1, six digits, 30 s).
 * @param secret in base32 (RFC 4648) @param at milliseconds since 1970
 */
export function totp(secret: string, at: number): string {
  const bits = [...secret.toUpperCase().replace(/[^A-Z2-7]/g, '')]
    .map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = (mac[19] as number) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const taken = new Set<string>();

/**
 * A code that no one has used before: each is good once. The clock's interval, the one after and the one before count; if all three are
 * used, it waits for the next.
 */
export async function unusedTotp(secret: string): Promise<string> {
  for (;;) {
    const now = Date.now();
    const code = [0, 30_000, -30_000].map((offset) => totp(secret, now + offset)).find((each) => !taken.has(`${secret} ${each}`));
    if (code) {
      taken.add(`${secret} ${code}`);
      return code;
    }
    await sleep(1000);
  }
}

/** A browser without scripts: it keeps cookies, and fills forms in as their pages say. */
export class Visitor {
  readonly cookies = new Map<string, string>();

  /** @param at where the edge listens @param host the name that it is asked for */
  constructor(
    private readonly at: { address: string; port: number },
    readonly host: string,
  ) {}

  ask(path: string, { method, form, json, headers = {} }: Asked = {}): Promise<Answer> {
    const body = json ? JSON.stringify(json) : form && new URLSearchParams(form).toString();
    const script = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...{ host: this.at.address, port: this.at.port, servername: this.host, path, rejectUnauthorized: false, agent: false },
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          headers: {
            host: this.at.port === 443 ? this.host : `${this.host}:${this.at.port}`,
            accept: 'text/html',
            ...(cookie && { cookie }),
            ...(json && script),
            ...(body !== undefined && {
              'content-type': json ? 'application/json' : 'application/x-www-form-urlencoded',
              'content-length': Buffer.byteLength(body),
            }),
            ...headers,
          },
          timeout: 30_000,
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            for (const line of answer.headers['set-cookie'] ?? []) this.keep(line);
            const text = Buffer.concat(parts).toString();
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: () => JSON.parse(text) });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer from ${path}`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Asks for a WebSocket; the answer's header alone. */
  upgrade(path: string): Promise<Pick<Answer, 'status' | 'headers'>> {
    return new Promise((resolve, reject) => {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const websocket = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      };
      const sent = request({
        ...{
          host: this.at.address,
          port: this.at.port,
          servername: this.host,
          path,
          rejectUnauthorized: false,
          agent: false,
          timeout: 15_000,
        },
        headers: { host: `${this.host}:${this.at.port}`, accept: 'text/html', ...websocket, ...(cookie && { cookie }) },
      });
      sent.on('upgrade', (answer, socket) => {
        socket.destroy();
        resolve({ status: 101, headers: answer.headers });
      });
      sent.on('response', (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer from ${path}`)));
      sent.on('error', reject);
      sent.end();
    });
  }

  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';');
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    const ended = attributes.some((attribute) => /^\s*(max-age=0|expires=.*\b(1970|2015)\b.*)/i.test(attribute));
    if (ended || pair.slice(at + 1) === '' || pair.slice(at + 1) === '0') this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(at + 1));
  }

  /** Sets the password by an invitation's link. */
  accept(token: string, password: string): Promise<Answer> {
    return this.ask('/auth/invitation', { form: { token, password, confirm: password, login: '' } });
  }

  /** Fills the form of the sign-in in. @param url where to return to, in base64 */
  async signIn(user: string, password: string, url = ''): Promise<Answer> {
    const page = await this.ask(`/auth/${url && `?url=${encodeURIComponent(url)}`}`);
    return this.ask('/auth/', { form: { ...hidden(page.text), user, password } });
  }

  /** Registers an authenticator app, as the page's script does. @returns its secret, in base32 */
  async registerTotp(at: () => number): Promise<string> {
    const script = { accept: 'application/json', 'x-csrf-check': '1' };
    const key = (await this.ask('/auth/2fregisters/totp/getkey', { form: {}, headers: script })).json<{ secret: string; token: string }>();
    if (!key.secret) throw new Error(`no secret: ${JSON.stringify(key)}`);
    const form = { token: key.token, code: totp(key.secret, at()), TOTPName: 'phone' };
    const done = (await this.ask('/auth/2fregisters/totp/verify', { form, headers: script })).json();
    if (done.result !== 1) throw new Error(`not registered: ${JSON.stringify(done)}`);
    return key.secret;
  }

  /** Answers the page that asks for a code. */
  enter(page: Answer, code: string): Promise<Answer> {
    return this.ask('/auth/totp2fcheck', { form: { ...hidden(page.text), code } });
  }
}

/** The values that a page's first form brings along. */
function hidden(page: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [tag] of page.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(tag)?.[1];
    if (name) found[name] = (/\bvalue="([^"]*)"/.exec(tag)?.[1] ?? '').replaceAll('&amp;', '&');
  }
  return found;
}
