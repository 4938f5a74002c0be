import { readFileSync, readlinkSync } from 'node:fs';
import https from 'node:https';
import { onUnanswered } from './unanswered.ts';

/** A member as it is called: by its address, and known by the name in its certificate. */
export interface Peer {
  service: string;
  address: string;
}

export interface Answer {
  status: number;
  body: string;
}

let cached: { serial: string; agent: https.Agent } | undefined;

/** Connections that authenticate with the agent's certificate; opened again once that was renewed. */
function connections(): https.Agent {
  const serial = readlinkSync('/run/certs/current');
  if (cached?.serial !== serial) {
    cached?.agent.destroy();
    const agent = new https.Agent({
      keepAlive: true,
      maxSockets: 8,
      minVersion: 'TLSv1.2',
      ca: readFileSync('/run/trust/internal-ca.pem'),
      cert: readFileSync('/run/certs/current/fullchain.pem'),
      key: readFileSync('/run/certs/current/privkey.pem'),
    });
    cached = { serial, agent };
  }
  return cached.agent;
}

interface MemberRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
  timeout: number;
}

/** One request over mutual TLS; rejected where it has no whole answer within `timeout` ms (ETIMEDOUT: plan/silence.ts). */
export const callMember = (peer: Peer, port: number, request: MemberRequest, agent?: https.Agent): Promise<Answer> =>
  ask(peer, port, request, agent, true);

/** @param repeats whether a GET is asked again that met a connection which its member was closing */
function ask(peer: Peer, port: number, request: MemberRequest, agent: https.Agent | undefined, repeats: boolean): Promise<Answer> {
  const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve, reject) => {
    const call = https.request(
      {
        host: peer.address,
        servername: peer.service,
        port,
        method: request.method,
        path: request.path,
        headers: {
          ...request.headers,
          ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        },
        agent: agent ?? connections(),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    const late = setTimeout(() => {
      const silent = new Error(`${peer.service} did not answer in ${request.timeout / 1000} s`);
      call.destroy(Object.assign(silent, { code: 'ETIMEDOUT' }));
    }, request.timeout);
    call
      .on('error', (error: NodeJS.ErrnoException) => {
        // The end of an idle connection is no silence (https://nodejs.org/api/http.html#requestreusedsocket).
        const stale = call.reusedSocket && error.code === 'ECONNRESET' && request.method === 'GET';
        if (stale && repeats) resolve(ask(peer, port, request, agent, false));
        else reject(error);
      })
      .on('close', () => clearTimeout(late));
    onUnanswered(call, peer.service, reject);
    call.end(payload);
  });
}
