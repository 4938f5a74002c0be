import { type Asked, get, raw } from './request.ts';

const PACKETS = [
  '40',
  '2',
  '3',
  '42["join",{"room":"films"}]',
  '42["message","Don\'t; or do & go"]',
  '421["ack",[1,2,3]]',
  '40/admin,{"token":"abc"}',
  '42["search",{"q":"5 > 3"}]',
  '2probe',
  '41',
];

/** Long polling of Socket.IO, SignalR, SockJS and engine.io. */
export const sockets: readonly Asked[] = [
  ...PACKETS.map((packet, i) =>
    raw(`/socket.io/?EIO=4&transport=polling&t=O${i}xYz_-&sid=lv_VI97HAXpY6yYWAAAC`, 'text/plain;charset=UTF-8', packet),
  ),
  ...[0, 1, 2, 3].map((i) => get('/socket.io/', { EIO: '4', transport: 'polling', t: `OoP${i}.x`, sid: 'lv_VI97HAXpY6yYWAAAC' })),
  get('/socket.io/', { EIO: '3', transport: 'polling', b64: '1' }),
  raw('/hub/negotiate?negotiateVersion=1', 'text/plain;charset=UTF-8', ''),
  raw('/hub?id=abc', 'text/plain;charset=UTF-8', '{"protocol":"json","version":1}\x1e'),
  raw('/sockjs/123/abcdefgh/xhr_send', 'text/plain', '["{\\"type\\":\\"ping\\"}"]'),
  get('/sockjs/info', { t: '1700000000000' }),
  get('/events', {}, { accept: 'text/event-stream', 'last-event-id': '42', 'cache-control': 'no-cache' }),
];
