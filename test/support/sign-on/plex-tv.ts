import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';

/** An account at plex.tv, and the servers that it may see. */
export interface PlexAccount {
  id: number;
  username: string;
  title: string;
  email: string;
  confirmed: boolean;
  servers: string[];
}

/** What plex.tv says instead of the truth. */
export type PlexLie = 'no-json' | 'no-id' | 'other-code' | 'error' | 'redirect' | 'refused';

/** A double of plex.tv, as strict as that: PINs, accounts, resources and the end of a token (api/v2). */
export interface PlexTv {
  address: string;
  port: number;
  /** PEM. */
  ca: string;
  lie: PlexLie | undefined;
  /** Tokens that are good now. */
  tokens: Map<string, PlexAccount>;
  /** All tokens that there were. */
  given: string[];
  /** What was not as plex.tv takes it. */
  wrong: string[];
  /** A person confirms, on the page of app.plex.tv. @returns where the browser is sent to */
  confirm(page: string, account: PlexAccount | undefined): string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface Pin {
  id: number;
  code: string;
  client: string;
  token: string | null;
}

type Answer = [status: number, body?: unknown, headers?: Record<string, string>];

/** @param address where it listens */
export async function plexTv(address: string): Promise<PlexTv> {
  let root: ReturnType<Parameters<typeof internalCa>[0]['load']>;
  const issued = await internalCa({ load: () => root, save: (made) => (root = made) }, 'test').issue(
    { name: 'plex', subjects: ['plex.tv'], issuer: 'internal-ca', days: 9 },
    new Date(),
  );
  const pins: Pin[] = [];
  const resource = (clientIdentifier: string, provides: string) => ({ name: 'x', product: 'x', provides, clientIdentifier, owned: false });

  const answer = ({ method = '', url = '', headers }: IncomingMessage): Answer => {
    const client = headers['x-plex-client-identifier'];
    const { pathname, searchParams } = new URL(url, 'https://plex.tv');
    if (headers.host !== 'plex.tv' || headers.accept !== 'application/json' || typeof client !== 'string' || !headers['x-plex-product']) {
      self.wrong.push(`${method} ${url}`);
      return [400, { errors: [{ code: 1000, message: 'X-Plex-Client-Identifier is missing', status: 400 }] }];
    }
    if (self.lie === 'error') return [503, {}];
    if (self.lie === 'redirect') return [302, {}, { location: 'https://plex.tv/elsewhere' }];
    if (method === 'POST' && pathname === '/api/v2/pins' && searchParams.get('strong') === 'true') {
      const pin: Pin = { id: 1000 + pins.length, code: randomBytes(12).toString('hex').slice(0, 24), client, token: null };
      pins.push(pin);
      return [201, { id: pin.id, code: pin.code, clientIdentifier: client, expiresIn: 1800, authToken: null }];
    }
    const pin = pins.find(({ id, client: of }) => pathname === `/api/v2/pins/${id}` && of === client);
    if (method === 'GET' && pin) return [200, { id: pin.id, code: self.lie === 'other-code' ? 'x' : pin.code, authToken: pin.token }];
    if (pathname.startsWith('/api/v2/pins/')) return [404, { errors: [{ code: 1020, message: 'Code not found or expired', status: 404 }] }];
    const token = String(headers['x-plex-token'] ?? '');
    const account = self.lie === 'refused' ? undefined : self.tokens.get(token);
    if (!account) return [401, { errors: [{ code: 1001, message: 'User could not be authenticated', status: 401 }] }];
    if (method === 'DELETE' && pathname === '/api/v2/users/signout') {
      self.tokens.delete(token);
      return [204];
    }
    const { servers, ...user } = account;
    if (method === 'GET' && pathname === '/api/v2/user')
      return [200, { ...user, ...(self.lie === 'no-id' && { id: 'admin' }), authToken: token }];
    if (method === 'GET' && pathname === '/api/v2/resources')
      return [200, [resource('a-player', 'client,player'), ...servers.map((id) => resource(id, 'server'))]];
    self.wrong.push(`${method} ${url}`);
    return [404, {}];
  };

  let port = 0;
  const listen = () => {
    const server = createServer({ key: issued.privateKey, cert: issued.certificate + issued.chain }, (asked, response) => {
      const [status, body, headers = {}] = answer(asked);
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(body === undefined ? undefined : self.lie === 'no-json' ? '<html>' : JSON.stringify(body));
    });
    return new Promise<typeof server>((resolve) => server.listen(port, address, () => resolve(server)));
  };
  const self: PlexTv = {
    ...{ address, port, ca: '', lie: undefined, tokens: new Map(), given: [], wrong: [] },
    confirm: (page, account) => {
      const { origin, pathname, hash } = new URL(page);
      const said = new URLSearchParams(hash.replace(/^#\?/, ''));
      const pin = pins.find(({ code, client }) => code === said.get('code') && client === said.get('clientID'));
      if (`${origin}${pathname}` !== 'https://app.plex.tv/auth' || !pin || !said.get('context[device][product]'))
        throw new Error(`not Plex's: ${page}`);
      if (account) {
        pin.token = randomBytes(15).toString('base64url');
        self.given.push(pin.token);
        self.tokens.set(pin.token, account);
      }
      return said.get('forwardUrl') ?? '';
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    start: async () => {
      server = await listen();
    },
  };
  let server = await listen();
  port = (server.address() as AddressInfo).port;
  return Object.assign(self, { port, ca: issued.root ?? '' });
}
