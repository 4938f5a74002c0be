import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Json } from '../../core/json.ts';
import { callDeadMan, send } from '../channels/send.ts';
import { type Notification, parseNotification } from '../plan/notification.ts';
import type { Channel } from '../plan/requests.ts';

/** A hundred alerts are far less. */
const LARGEST = 4 * 1024 ** 2;

export interface RelayOptions {
  project: string;
  /** Requests of any other address are refused. */
  caller: string;
  channels: ReadonlyMap<string, Channel>;
  deadMan: string | undefined;
  /** Where a delivery went, and why it was not accepted. */
  delivered(name: string, problem: string | undefined): void;
}

/**
 * Takes a notification of Alertmanager and sends it to one channel: 200 where the receiver has accepted it, 503 where not, so that
 * Alertmanager tries again. `POST /channel/NAME`, `POST /dead-man`, `GET /health`.
 */
export function relayServer(options: RelayOptions): Server {
  return createServer((request, response) => {
    answer(request, options).then(
      ({ status, text }) => response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' }).end(text),
      () => response.writeHead(400, { Connection: 'close' }).end('not a notification'),
    );
  });
}

interface Answer {
  status: number;
  text: string;
}
const OK: Answer = { status: 200, text: 'ok' };

async function answer(request: IncomingMessage, options: RelayOptions): Promise<Answer> {
  const { method, url = '' } = request;
  if (method === 'GET' && url === '/health') return OK;
  if (request.socket.remoteAddress?.replace(/^::ffff:/, '') !== options.caller) return { status: 403, text: 'not for you' };
  if (method !== 'POST') return { status: 405, text: 'POST alone' };
  if (url === '/dead-man') return passedOn('dead-man', options, options.deadMan && (() => callDeadMan(options.deadMan as string)));
  const name = /^\/channel\/([a-z0-9-]+)$/.exec(url)?.[1] ?? '';
  const channel = options.channels.get(name);
  const told = parseNotification(await bodyOf(request), options.project);
  return passedOn(name, options, channel && (() => (isEndOfTest(told) ? undefined : send(channel, told))));
}

type Sends = () => Promise<string | undefined> | undefined;

async function passedOn(name: string, { delivered }: RelayOptions, sends: Sends | '' | undefined): Promise<Answer> {
  if (!sends) return { status: 404, text: 'there is no such channel' };
  const problem = await sends();
  delivered(name, problem);
  return problem === undefined ? OK : { status: 503, text: `${name}: ${problem}` };
}

/** A test proves that an alert arrives. That it is over is no news. */
const isEndOfTest = ({ status, alerts }: Notification): boolean =>
  status === 'resolved' && alerts.every(({ labels }) => labels.channel !== undefined && labels.run !== undefined);

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > LARGEST) throw new Error('too large');
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as Json;
}
