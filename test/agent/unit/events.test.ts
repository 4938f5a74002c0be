import { createServer } from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { type EngineEvent, engineClient, newEventStream } from '../../../src/agent/engine-client.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const line = (Action: string, nanoseconds: string) =>
  `{"Action":"${Action}","Actor":{"Attributes":{"name":"p-app-1","note":"\\"timeNano\\":1"}},"time":1796078537,"timeNano":${nanoseconds}}\n`;

/** What is heard of a connection that says this, and how it ended. */
async function heard(said: string) {
  const socket = path.join(temporaryFolder('events'), 'engine.sock');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.write(said);
    setTimeout(() => response.end(), 200);
  }).listen(socket);
  onTestFinished(() => void server.close());
  const engine = engineClient({ engine: { socket, events: '/events?since=' } } as unknown as AgentConfig);
  const stream = newEventStream();
  const events: EngineEvent[] = [];
  const listen = () =>
    engine
      .events(stream, (event) => events.push(event), new AbortController().signal)
      .then(
        () => 'ended',
        (error: Error) => error.message,
      );
  const ends = [await listen(), await listen()];
  return { asked, ends, actions: events.map(({ action }) => action), stream };
}

it('events are asked for from the nanosecond after the last one on, which no number of JavaScript holds', async () => {
  const { asked, ends, actions, stream } = await heard(line('stop', '1796078537925483748') + line('start', '1796078537999999999'));
  expect(asked).toEqual(['/events?since=0.000000000', '/events?since=1796078538.000000000']);
  expect([ends, actions]).toEqual([
    ['ended', 'ended'],
    ['stop', 'start', 'stop', 'start'],
  ]);
  expect(stream.connectedAt).toBeUndefined();
});

it('what is no event ends the connection, and not the agent', async () => {
  const { ends, actions } = await heard(`${line('stop', '1796078537925483748')}{"message":"no space left"}\nno JSON\n`);
  expect(ends).toEqual([expect.stringMatching(/undefined/), expect.stringMatching(/undefined/)]);
  expect(actions).toEqual(['stop', 'stop']);
});

it('a change of protocol ends a request and the stream: they are not waited for', async () => {
  const socket = path.join(temporaryFolder('events'), 'engine.sock');
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
  const server = net.createServer((connection) => connection.on('error', () => {}).write(switching)).listen(socket);
  onTestFinished(() => void server.close());
  const engine = engineClient({ engine: { socket, events: '/events?since=', list: '/list' } } as unknown as AgentConfig);
  const unanswered = 'the engine closed the connection without an answer';
  await expect(engine.list()).rejects.toThrow(unanswered);
  await expect(engine.events(newEventStream(), () => {}, new AbortController().signal)).rejects.toThrow(unanswered);
});
