import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';

/** Who signs in at the provider. */
export interface Account {
  sub: string;
  email?: string;
  email_verified?: boolean;
  preferred_username?: string;
  name?: string;
  groups?: string[];
  amr?: string[];
}

type Claims = Record<string, unknown>;

/** A false answer: what becomes of the claims, and how it is signed. */
export interface Lie {
  claims?: (claims: Claims) => Claims;
  /** `other`: by a key that is not the provider's, under the id of its own; `secret`: HS256 by the client's secret. */
  signed?: 'RS256' | 'none' | 'other' | 'secret' | 'ES256';
  /** It takes requests for tokens, and never answers. */
  silent?: true;
  /** What it says of itself instead. */
  description?: (said: Claims) => Claims;
  /** What the endpoint of claims says instead. */
  userinfo?: (claims: Claims) => Claims;
}

/** A provider of OpenID Connect (the package oidc-provider) that signs in whom a test says, and lies if it is told to. */
export interface OutsideProvider {
  issuer: string;
  /** Where it listens. */
  address: string;
  port: number;
  /** PEM. */
  ca: string;
  client: { id: string; secret: string };
  account: Account;
  lie: Lie | undefined;
  /** Bodies that its endpoint of tokens was sent. */
  asked: URLSearchParams[];
  /** Makes the stack known to it. @param redirect where it may send browsers back to */
  register(redirect: string): void;
  /** Sends a browser there. @returns where it is sent back to */
  visit(where: string): Promise<string>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

const NAME = 'login.example.org';
const CLIENT = { id: 'medianest', secret: 'the secret of the client, as registered' };
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(token: string, { claims = (same) => same, signed: how = 'RS256' }: Lie, keys: Record<string, KeyObject>): string {
  const [head = '', body = ''] = token.split('.');
  const alg = { RS256: 'RS256', none: 'none', other: 'RS256', secret: 'HS256', ES256: 'ES256' }[how];
  const kid = how === 'ES256' ? 'ec' : JSON.parse(Buffer.from(head, 'base64url').toString()).kid;
  const text = `${encoded({ alg, kid })}.${encoded(claims(JSON.parse(Buffer.from(body, 'base64url').toString())))}`;
  const key = keys[how === 'other' ? 'other' : how === 'ES256' ? 'ec' : 'rsa'] as KeyObject;
  if (how === 'none') return `${text}.`;
  if (how === 'secret') return `${text}.${createHmac('sha256', CLIENT.secret).update(text).digest('base64url')}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** What is about to be answered, changed. */
function change(response: ServerResponse, how: (body: Record<string, unknown>) => object): void {
  const end = response.end.bind(response) as (body: string) => ServerResponse;
  response.end = ((body: Buffer | string) => {
    const text = JSON.stringify(how(JSON.parse(String(body))));
    response.setHeader('content-length', Buffer.byteLength(text));
    return end(text);
  }) as typeof response.end;
}

/** @param address where it listens */
export async function outsideProvider(address: string): Promise<OutsideProvider> {
  let root: ReturnType<Parameters<typeof internalCa>[0]['load']>;
  const issued = await internalCa({ load: () => root, save: (made) => (root = made) }, 'test').issue(
    { name: 'login', subjects: [NAME], issuer: 'internal-ca', days: 9 },
    new Date(),
  );
  const keys = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    other: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  };
  let handle: ReturnType<Provider['callback']> = (_request, response) => response.destroy();
  const listen = () => {
    const server = createServer({ key: issued.privateKey, cert: issued.certificate + issued.chain }, (asked, response) =>
      handle(asked, response),
    );
    return new Promise<typeof server>((resolve) => server.listen(port, address, () => resolve(server)));
  };
  let port = 0;
  let server = await listen();
  port = (server.address() as AddressInfo).port;
  const issuer = `https://${NAME}:${port}`;
  const self: OutsideProvider = {
    ...{ issuer, address, port, ca: issued.root ?? '', client: CLIENT, account: { sub: '1' }, lie: undefined, asked: [] },
    register: (redirect) => register(redirect),
    visit: (where) => visit(where, { address, ca: issued.root ?? '' }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    start: async () => {
      server = await listen();
    },
  };
  const register = (redirect: string) => {
    const provider = new Provider(issuer, {
      clients: [
        { client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirect], token_endpoint_auth_method: 'client_secret_post' },
      ],
      jwks: {
        keys: [
          { ...keys.rsa.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256', use: 'sig' },
          { ...keys.ec.export({ format: 'jwk' }), kid: 'ec', alg: 'ES256', use: 'sig' },
        ],
      },
      claims: { openid: ['sub', 'amr'], profile: ['name', 'preferred_username', 'groups'], email: ['email', 'email_verified'] },
      cookies: { keys: ['only for tests'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
      pkce: { required: () => true },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ ...self.account, sub: id }) }),
      loadExistingGrant: async ({
        oidc,
      }: {
        oidc: {
          provider: { Grant: new (of: object) => { addOIDCScope(scope: string): void; save(): Promise<string> } };
          client: { clientId: string };
          session: { accountId: string };
        };
      }) => {
        const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
        grant.addOIDCScope('openid profile email');
        await grant.save();
        return grant;
      },
    });
    const answer = provider.callback();
    handle = (asked, response) => {
      const { lie } = self;
      if (asked.url?.startsWith('/interaction/')) {
        const { sub, amr } = self.account;
        void provider.interactionFinished(asked, response, { login: { accountId: sub, ...(amr && { amr }), remember: false } });
        return;
      }
      if (asked.url === '/token') {
        let body = '';
        asked.on('data', (part) => (body += part));
        asked.on('end', () => self.asked.push(new URLSearchParams(body)));
        if (lie?.claims || lie?.signed)
          change(response, (told) => ({
            ...told,
            ...(typeof told.id_token === 'string' && { id_token: signed(told.id_token, lie, keys) }),
          }));
      }
      if (asked.url === '/token' && lie?.silent) return;
      const { description } = lie ?? {};
      if (asked.url?.startsWith('/.well-known/') && description) change(response, description);
      const userinfo = lie?.userinfo;
      if (asked.url === '/me' && userinfo) change(response, userinfo);
      answer(asked, response);
    };
  };
  return self;
}

/** A browser without scripts, at the provider alone: it follows redirects until one leads away. */
async function visit(where: string, at: { address: string; ca: string }): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(where);
  for (let left = 10; left > 0; left--) {
    const location = await new Promise<string>((resolve, reject) => {
      const sent = request(
        {
          ...{ host: at.address, port: url.port, servername: NAME, ca: at.ca, path: url.pathname + url.search, agent: false },
          headers: { host: url.host, accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        },
        (answer) => {
          for (const line of answer.headers['set-cookie'] ?? []) {
            const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
            cookies.set(name, value);
          }
          let text = '';
          answer.on('data', (part) => (text += part));
          answer.on('end', () =>
            answer.headers.location
              ? resolve(answer.headers.location)
              : reject(new Error(`${answer.statusCode} ${/<pre>.*/.exec(text)?.[0] ?? text.slice(0, 500)}`)),
          );
        },
      );
      sent.on('error', reject);
      sent.end();
    });
    url = new URL(location, url);
    if (url.hostname !== NAME) return url.href;
  }
  throw new Error('too many redirects');
}
