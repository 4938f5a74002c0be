import http from 'node:http';
import https from 'node:https';
import { checkServerIdentity } from 'node:tls';
import { isAddress } from '../../core/url-host.ts';
import type { LogTarget } from '../config.ts';
import { onUnanswered } from '../unanswered.ts';
import { StoreAway } from './plan/bulk.ts';

const TIMEOUT_MS = 30_000;
/** An answer names each document: of 2,000, less than 1 MiB. */
const LONGEST_ANSWER = 16 * 1024 ** 2;

export interface StoreAnswer {
  status: number;
  body: string;
}

/**
 * Asks the store. Connections go to the container that leads there; `Host` and the verification of the certificate are by the
 * address of the settings.
 * @param secret reads a secret by its name: each time, as it may be replaced
 */
export function storeClient(target: LogTarget, secret: (name: string) => string, timeoutMs = TIMEOUT_MS) {
  const url = new URL(target.url);
  const tls = url.protocol === 'https:';
  const base = url.pathname.replace(/\/$/, '');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const agent = new (tls ? https : http).Agent({ keepAlive: true, maxSockets: 2 });

  const authorization = (): string | undefined => {
    if (target.apiKey !== undefined) return `ApiKey ${secret(target.apiKey)}`;
    if (target.password === undefined) return undefined;
    return `Basic ${Buffer.from(`${target.user}:${secret(target.password)}`).toString('base64')}`;
  };

  /** @throws StoreAway where it does not answer in time, or its certificate is not good */
  const ask = (method: string, path: string, type: string, body: string | undefined, signal: AbortSignal): Promise<StoreAnswer> =>
    new Promise((resolve, reject) => {
      const away = (error: Error) => reject(new StoreAway(error.message || error.name));
      const proof = authorization();
      const request = (tls ? https : http).request(
        {
          agent,
          host: target.connect.host,
          port: target.connect.port,
          method,
          path: `${base}${path}`,
          signal,
          headers: {
            host: url.host,
            'content-length': Buffer.byteLength(body ?? ''),
            ...(body !== undefined && { 'content-type': type }),
            ...(proof !== undefined && { authorization: proof }),
          },
          ...(tls && {
            ...(target.ca !== undefined && { ca: secret(target.ca) }),
            // No name is sent for an address, and the certificate has to have that address.
            servername: isAddress(url.hostname) ? '' : host,
            checkServerIdentity: (_name: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
              checkServerIdentity(host, certificate),
          }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          let length = 0;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            length += chunk.length;
            if (length > LONGEST_ANSWER) request.destroy(new Error('its answer has no end'));
          });
          response.on('error', away).on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
        },
      );
      const timer = setTimeout(() => request.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)), timeoutMs);
      request.on('error', away).on('close', () => clearTimeout(timer));
      onUnanswered(request, 'it', away);
      request.end(body);
    });

  return {
    ndjson: (path: string, body: string, signal: AbortSignal) => ask('POST', path, 'application/x-ndjson', body, signal),
    json: (method: string, path: string, body: object | undefined, signal: AbortSignal) =>
      ask(method, path, 'application/json', body && JSON.stringify(body), signal),
    close: () => agent.destroy(),
  };
}

export type StoreClient = ReturnType<typeof storeClient>;
