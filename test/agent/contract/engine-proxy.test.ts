import { chmodSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerChanges, containerReads, containerStats, engineRequests } from '../../../src/services/agent/engine-requests.ts';
import { docker } from '../../support/cli.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let stack: Workspace;
let relay: net.Server;
let own: string;
let foreign: string;
let requests: ReturnType<typeof engineRequests>;

/** The engine behind a socket of the test's own, which it can take away and make anew as an engine that restarts does. */
function listen(socket: string): Promise<net.Server> {
  rmSync(socket, { force: true });
  const server = net.createServer((client) => {
    const engine = net.connect('/var/run/docker.sock');
    client.pipe(engine).pipe(client);
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  return new Promise((resolve, reject) =>
    server.once('error', reject).listen(socket, () => {
      chmodSync(socket, 0o660);
      resolve(server);
    }),
  );
}

/** Sends bytes as they are to the proxy, from where the agent sits, and gives back all that is answered. */
async function send(raw: string): Promise<string> {
  const program = `
    const socket = require('node:net').connect('/srv/engine-proxy/engine.sock');
    let text = '';
    socket.on('data', (chunk) => { text += chunk; });
    socket.on('error', (error) => { text += error.message; });
    socket.on('close', () => process.stdout.write(text));
    socket.write(Buffer.from(process.argv[1], 'base64'));
    setTimeout(() => socket.destroy(), 4000).unref();`;
  return (await docker(['exec', `${stack.project}-agent-1`, 'node', '-e', program, Buffer.from(raw).toString('base64')])).stdout;
}

const request = (method: string, target: string, headers: string[] = [], body = ''): string =>
  `${[`${method} ${target} HTTP/1.1`, 'Host: engine', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n${body}`;

const status = async (raw: string): Promise<number> => Number(/^HTTP\/1\.1 (\d+)/.exec(await send(raw))?.[1] ?? 0);

const life = async (container: string): Promise<string> =>
  (await docker(['inspect', '--format', '{{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}', container])).stdout.trim();

beforeAll(async () => {
  stack = await workspace('proxy');
  const socket = path.join(stack.dir, 'engine.sock');
  relay = await listen(socket);
  stack.configure({
    profile: 'dev',
    components: { 'all-in-one': false, redis: true, 'engine-proxy': true, agent: true },
    agent: { healing: 'off' },
    engineProxy: { socket, gid: statSync(socket).gid },
  });
  const up = await stack.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  own = `${stack.project}-redis-1`;
  // One whose name begins like ours, and one that carries our label but another name.
  foreign = `${stack.project}-redis-1-1`;
  requests = engineRequests(stack.project);
  const image = (await docker(['inspect', '--format', '{{.Config.Image}}', own])).stdout.trim();
  const made = await docker([
    'run',
    '--detach',
    '--name',
    foreign,
    '--network',
    'none',
    '--label',
    `com.docker.compose.project=${stack.project}`,
    '--entrypoint',
    'sleep',
    image,
    '600',
  ]);
  if (made.status !== 0) throw new Error(made.stderr);
});

afterAll(async () => {
  await stack?.destroy();
  relay?.close();
});

describe('the proxy between agent and engine', () => {
  it('answers what the agent needs', async () => {
    for (const target of [requests.ping, requests.list, ...containerReads(own)])
      expect([target, await status(request('GET', target))]).toEqual([target, 200]);
    const listed = (await send(request('GET', requests.list))).match(/"Names":\["\/[^"]+"\]/g) ?? [];
    expect(listed.sort()).toEqual(['agent', 'engine-proxy', 'redis'].map((name) => `"Names":["/${stack.project}-${name}-1"]`));
  });

  it('lets the agent kill, start and restart what belongs to the stack', async () => {
    const [kill, start, restart] = containerChanges(own) as [string, string, string];
    expect(await status(request('POST', kill))).toBe(204);
    expect(await life(own)).toMatch(/^exited /);
    expect(await status(request('POST', start))).toBe(204);
    const before = await life(own);
    expect(await status(request('POST', restart))).toBe(204);
    expect(await life(own)).toMatch(/^running /);
    expect(await life(own)).not.toBe(before);
  });

  it('tells what happened and what happens to the stack’s containers alone', async () => {
    const since = (Date.now() / 1000).toFixed(9);
    const pauses = async () => {
      for (const what of ['pause', 'unpause']) for (const container of [foreign, own]) await docker([what, container]);
    };
    await pauses();
    const watching = send(request('GET', `${requests.events}${since}`));
    await sleep(1000);
    await pauses();
    const told = [...(await watching).matchAll(/"Action":"(\w+)".*?"name":"([^"]+)"/g)].map(([, action, name]) => `${action} ${name}`);
    expect(told).toEqual([`pause ${own}`, `unpause ${own}`, `pause ${own}`, `unpause ${own}`]);
  });

  const forbidden: [string, () => string][] = [
    ['all containers', () => request('GET', '/containers/json')],
    ['all containers, by another filter', () => request('GET', '/containers/json?all=1')],
    ['the list with more behind it', () => request('GET', `${requests.list}&size=1`)],
    ['the list of another project', () => request('GET', requests.list.replace(stack.project, 'other'))],
    ['all events', () => request('GET', '/events')],
    ['events with more behind the moment', () => request('GET', `${requests.events}0.000000000&filters={}`)],
    ['events since another kind of moment', () => request('GET', `${requests.events}10m`)],
    ['another container', () => request('GET', `/containers/${foreign}/json`)],
    ['another container to be killed', () => request('POST', `/containers/${foreign}/kill?signal=KILL`)],
    ['its own container by a part of its name', () => request('GET', `/containers/${stack.project}/json`)],
    [
      'a name in which a dot stands for any character',
      () => request('GET', `/containers/${stack.project.replaceAll('-', '.')}-redis-1/json`),
    ],
    [
      'creation',
      () => request('POST', '/containers/create', ['Content-Type: application/json', 'Content-Length: 17'], '{"Image":"redis"}'),
    ],
    ['exec in its own container', () => request('POST', `/containers/${own}/exec`, ['Content-Length: 14'], '{"Cmd":["id"]}')],
    ['attach', () => request('POST', `/containers/${own}/attach?stream=1`)],
    ['logs', () => request('GET', `/containers/${own}/logs?stdout=1`)],
    ['an archive of its files', () => request('GET', `/containers/${own}/archive?path=/run/secrets`)],
    ['an export', () => request('GET', `/containers/${own}/export`)],
    ['its statistics, where nothing is monitored', () => request('GET', containerStats(own))],
    ['its processes', () => request('GET', `/containers/${own}/top`)],
    ['its removal', () => request('DELETE', `/containers/${own}?force=1`)],
    ['an update of its limits', () => request('POST', `/containers/${own}/update`)],
    ['a stop', () => request('POST', `/containers/${own}/stop`)],
    ['another signal', () => request('POST', `/containers/${own}/kill?signal=HUP`)],
    ['two signals', () => request('POST', `/containers/${own}/kill?signal=KILL&signal=HUP`)],
    ['a start with more behind it', () => request('POST', `/containers/${own}/start?detachKeys=a`)],
    ['a start by GET', () => request('GET', `/containers/${own}/start`)],
    ['an inspection by POST', () => request('POST', `/containers/${own}/json`)],
    ['HEAD', () => request('HEAD', requests.ping)],
    ['images', () => request('GET', '/images/json')],
    ['volumes', () => request('GET', '/volumes')],
    ['networks', () => request('GET', '/networks')],
    ['secrets', () => request('GET', '/secrets')],
    ['the engine’s own facts', () => request('GET', '/info')],
    ['a build', () => request('POST', '/build')],
    ['a prefix with a version', () => request('GET', `/v1.41/containers/${own}/json`)],
    ['two slashes', () => request('GET', `/containers//${own}/json`)],
    ['two slashes in front', () => request('GET', `//containers/${own}/json`)],
    ['a way back', () => request('GET', `/containers/${own}/json/../../${foreign}/json`)],
    ['an encoded way back', () => request('GET', `/containers/${own}/%2e%2e/${foreign}/json`)],
    ['an encoded slash', () => request('GET', `/containers/${own}%2fjson`)],
    ['an encoded letter', () => request('GET', `/containers/${own}/%6ason`)],
    ['a slash at the end', () => request('GET', `/containers/${own}/json/`)],
    ['a semicolon', () => request('GET', `/containers/${own}/json;x`)],
    ['an address in full', () => request('GET', `http://engine/containers/${own}/json`)],
    ['a method in small letters', () => request('get', requests.ping)],
    ['a body', () => request('POST', `/containers/${own}/start`, ['Content-Length: 2'], '{}')],
    ['a body in chunks', () => request('POST', `/containers/${own}/start`, ['Transfer-Encoding: chunked'], '2\r\n{}\r\n0\r\n\r\n')],
    [
      'a request behind a body that is not counted',
      () => request('GET', requests.ping, ['Content-Length: 0', 'Transfer-Encoding: chunked'], `0\r\n\r\n${request('GET', '/info')}`),
    ],
    ['two lengths', () => request('GET', requests.ping, ['Content-Length: 0', 'Content-Length: 30'], request('GET', '/info'))],
    ['another protocol', () => request('POST', `/containers/${own}/start`, ['Upgrade: tcp', 'Connection: Upgrade'])],
    ['HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ];
  it.each(forbidden)('refuses %s', async (_name, raw) => {
    const answer = await send(raw());
    expect(answer.split('\r\n')[0]).toMatch(/^HTTP\/1\.[01] (400|403) /);
    // One request, one answer: nothing was smuggled in behind it.
    expect(answer.match(/HTTP\/1\.[01] \d/g)).toHaveLength(1);
  });

  it('refuses what comes second on a connection as well', async () => {
    const first = request('GET', requests.ping).replace('Connection: close\r\n', '');
    const answers = (await send(first + request('GET', '/info'))).match(/HTTP\/1\.1 \d+/g);
    expect(answers).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
  });

  it('has touched neither container while it refused', async () => {
    expect(await life(own)).toMatch(/^running .* 0$/);
    expect(await life(foreign)).toMatch(/^running .* 0$/);
  });

  it('tells in its log what it refused and what was done', async () => {
    const { stdout } = await docker(['logs', `${stack.project}-engine-proxy-1`]);
    expect(stdout).toMatch(/"method":"GET","request":"\\?\/info","status":403/);
    expect(stdout).toMatch(/"method":"POST","request":"[^"]*kill\?signal=KILL","status":204/);
    expect(stdout).not.toMatch(/"status":200/);
  });

  it('reaches an engine that was started anew and made a new socket', async () => {
    const socket = path.join(stack.dir, 'engine.sock');
    const proxy = `${stack.project}-engine-proxy-1`;
    const before = await life(proxy);
    await new Promise((resolve) => relay.close(resolve));
    relay = await listen(socket);
    for (let i = 0; i < 100 && (await status(request('GET', requests.ping))) !== 200; i++) await sleep(200);
    expect(await status(request('GET', requests.list))).toBe(200);
    expect(await life(proxy)).not.toBe(before);
  });
});
