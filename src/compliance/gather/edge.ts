import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { bracketed, reachableHere } from '../../core/ip-address.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import { withRole } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';
import { FOREIGN_ORIGIN } from '../plan/asvs-edge.ts';
import type { EdgeAnswer, EdgeEvidence } from '../plan/evidence.ts';
import { Unseen } from './attempt.ts';

const PATIENCE_MS = 4000;
const TERABYTE = 1024 ** 4;

interface Place {
  host: string;
  port: number;
  /** The name that a visitor would ask for. */
  name: string;
}

/** Asks the running edge as a visitor would. Nothing is sent that changes anything: the large body is announced, and never sent. */
export async function readEdge(stack: Stack, edges: readonly ObservedContainer[]): Promise<EdgeEvidence> {
  const [service] = withRole(stack.services, 'edge');
  if (!service) throw new Unseen('this stack has no edge', 'choose a profile with one: medianest profiles');
  const running = edges.filter(({ state }) => state === 'running');
  if (running.length === 0) throw new Unseen('the edge does not run', '`medianest up`');
  const inside = service.listeners?.find(({ protocol }) => protocol === 'tls')?.port;
  // Where it shares its ports, the front leads to it by its name.
  const ports = service.front?.ports ?? running.flatMap((container) => container.ports);
  const secure = ports.find(({ container }) => container === inside);
  if (!secure) throw new Unseen('the edge publishes no port of HTTPS on this host');
  const name = new URL(service.urls[0] ?? 'https://localhost').hostname;
  const place = { host: reachableHere(secure.address), port: secure.host, name };
  return askEdge(
    place,
    plainOf(ports, inside, name),
    ports.every(({ address }) => /^(127\.|::1$)/.test(address)),
  );
}

function plainOf(
  ports: readonly Pick<ObservedContainer['ports'][number], 'address' | 'host' | 'container'>[],
  inside: number | undefined,
  name: string,
): Place | undefined {
  const plain = ports.find(({ container }) => container !== inside);
  return plain && { host: reachableHere(plain.address), port: plain.host, name };
}

/** The same for a place that is known. @param local it is published on the loopback alone */
export async function askEdge(place: Place, plain: Place | undefined, local: boolean): Promise<EdgeEvidence> {
  const at = `https://${bracketed(place.host)}:${place.port}`;
  const best = await handshake(place, {});
  if (best.outcome !== 'accepted') throw new Unseen(`nothing speaks TLS at ${at} (${best.code})`, '`medianest why edge`');
  const only = async (version: tls.SecureVersion) => {
    const { outcome } = await handshake(place, { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' });
    return outcome === 'unknown' ? undefined : outcome === 'accepted';
  };
  const [one, two, three, four, page, redirect, oversized] = await Promise.all([
    only('TLSv1'),
    only('TLSv1.1'),
    only('TLSv1.2'),
    only('TLSv1.3'),
    answerOf(place, true, { origin: FOREIGN_ORIGIN }),
    plain && answerOf(plain, false, {}),
    answerOf(place, true, { 'content-length': String(TERABYTE), 'content-type': 'application/octet-stream' }, 'POST'),
  ]);
  if (page.status === 0) throw new Unseen(`${at} answers no request`, '`medianest why edge`');
  return {
    at,
    local,
    versions: { TLSv1: one, 'TLSv1.1': two, 'TLSv1.2': three, 'TLSv1.3': four },
    preferred: best.protocol,
    cipher: best.cipher,
    trusted: best.trusted,
    page,
    plain: redirect,
    oversized: oversized.status,
  };
}

interface Handshake {
  /** `unknown`: this host's OpenSSL could not even offer it, or no answer came. */
  outcome: 'accepted' | 'refused' | 'unknown';
  code: string;
  protocol: string | null;
  cipher: string | null;
  trusted: true | string;
}

/** Errors of the own side: it offers nothing that it knows. */
const OURS = [
  'ERR_SSL_NO_PROTOCOLS_AVAILABLE',
  'ERR_SSL_NO_CIPHERS_AVAILABLE',
  'ERR_SSL_UNSUPPORTED_SSL_VERSION',
  'ERR_TLS_INVALID_PROTOCOL_VERSION',
];

/** What a server does that does not want the handshake: an alert, or the end of the connection. */
const isRefusal = (code: string): boolean => !OURS.includes(code) && /^(ERR_SSL_|EPROTO$|ECONNRESET$|closed$)/.test(code);

function handshake({ host, port, name }: Place, offer: tls.SecureContextOptions): Promise<Handshake> {
  return new Promise((resolve) => {
    const failed = (code: string) =>
      resolve({ outcome: isRefusal(code) ? 'refused' : 'unknown', code, protocol: null, cipher: null, trusted: code });
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...serverName(name), ...offer });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    socket.once('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    socket.once('close', () => failed('closed'));
    socket.once('secureConnect', () => {
      const problem = socket.authorizationError as Error | string | null;
      const trusted = socket.authorized ? true : String((problem as NodeJS.ErrnoException | null)?.code ?? problem ?? 'not verified');
      resolve({ outcome: 'accepted', code: '', protocol: socket.getProtocol(), cipher: socket.getCipher()?.standardName ?? null, trusted });
      socket.destroy();
    });
  });
}

/** An address is no server name (RFC 6066). */
const serverName = (name: string) => (net.isIP(name.replaceAll(/[[\]]/g, '')) === 0 ? { servername: name } : {});

/** Status and headers of an answer; status 0 where none came in time. */
function answerOf({ host, port, name }: Place, secure: boolean, headers: Record<string, string>, method = 'GET'): Promise<EdgeAnswer> {
  return new Promise((resolve) => {
    const options = {
      ...{ host, port, path: '/', method, agent: false, timeout: PATIENCE_MS, rejectUnauthorized: false },
      ...serverName(name),
      headers: { host: port === (secure ? 443 : 80) ? name : `${name}:${port}`, accept: 'text/html', ...headers },
    };
    const request = (secure ? https : http).request(options, (answer) => {
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
      request.destroy();
    });
    const nothing = () => resolve({ status: 0, headers: {} });
    request.on('timeout', () => request.destroy());
    request.on('error', nothing);
    request.on('close', nothing);
    if (method === 'GET') request.end();
    else request.flushHeaders();
  });
}
