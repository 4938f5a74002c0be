import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { send } from '../../../src/alerts/channels/send.ts';
import { checkRound } from '../../../src/alerts/check-round.ts';
import { type Alert, notification } from '../../../src/alerts/plan/notification.ts';
import type { Channel } from '../../../src/alerts/plan/requests.ts';
import { relayServer } from '../../../src/alerts/relay/serve.ts';
import { readAlertState } from '../../../src/alerts/store.ts';
import type { Context } from '../../../src/capability/capability.ts';
import { UserError } from '../../../src/core/errors.ts';
import { silent } from '../../../src/core/reporter.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { freePort, mailReceiver, webReceiver } from '../../support/alerts/receivers.ts';
import { load } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const open: { close(): unknown }[] = [];
const opened = <T extends { close(): unknown }>(one: T): T => {
  open.push(one);
  return one;
};
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const alert: Alert = {
  status: 'firing',
  labels: { alertname: 'DatabaseNoLeader', severity: 'critical', cause: 'database' },
  annotations: { summary: 'No leader elected', fix: 'medianest status' },
  startsAt: '2026-11-29T10:00:00Z',
  endsAt: '',
};
const told = notification('home', 'desk', [alert]);
const channel = (more: Partial<Channel>): Channel => ({ name: 'desk', kind: 'webhook', tls: 'none', form: false, ...more });

describe('a delivery', () => {
  it.each([
    [401, 'it answers 401: the token or password is wrong'],
    [404, 'it answers 404: the address is wrong'],
    [302, 'it answers 302, which leads elsewhere'],
    [500, 'it answers 500'],
  ])('that is answered by %i says so', async (status, words) => {
    const { port } = opened(await webReceiver(status));
    expect(await send(channel({ url: `http://127.0.0.1:${port}/secret` }), told)).toBe(words);
  });
  it('says why a receiver cannot be reached, and never its address', async () => {
    const port = await freePort();
    expect(await send(channel({ url: `http://127.0.0.1:${port}/secret` }), told)).toBe('nothing listens there');
    expect(await send(channel({ kind: 'email', host: '127.0.0.1', port, from: 'a@b.example', to: ['c@d.example'] }), told)).toBe(
      'nothing listens there',
    );
    expect(await send(channel({ url: 'http://name.invalid/' }), told)).toMatch(/name|looked up/);
  });
  it('by e-mail needs TLS unless it is told to do without', async () => {
    const mail = opened(await mailReceiver());
    const own = { kind: 'email' as const, host: '127.0.0.1', port: mail.port, from: 'a@b.example', to: ['c@d.example', 'e@f.example'] };
    expect(await send(channel({ ...own, tls: 'starttls' }), told)).toMatch(/TLS/);
    expect(await send(channel(own), told)).toBeUndefined();
    expect(mail.received).toHaveLength(1);
    expect(mail.received[0]).toMatch(/To: c@d\.example, e@f\.example/);
    expect(mail.received[0]).toMatch(/Auto-Submitted: auto-generated/);
  });
});

describe('the relay', () => {
  const relay = async (caller: string) => {
    const receiver = opened(await webReceiver(200));
    const delivered = vi.fn();
    const channels = new Map([['desk', channel({ url: `http://127.0.0.1:${receiver.port}` })]]);
    const server = opened(relayServer({ project: 'home', caller, channels, deadMan: undefined, delivered })) as Server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = (path: string, body: unknown = {}, method = 'POST') =>
      fetch(`http://127.0.0.1:${port}${path}`, { method, ...(method === 'POST' && { body: JSON.stringify(body) }) }).then(
        ({ status }) => status,
      );
    return { ask, receiver, delivered };
  };
  const body = (labels: object, status = 'firing') => ({
    receiver: 'desk',
    alerts: [{ ...alert, status, labels: { ...alert.labels, ...labels } }],
  });

  it('takes notifications of Alertmanager alone', async () => {
    const { ask, receiver } = await relay('10.30.0.86');
    expect(await ask('/channel/desk', body({}))).toBe(403);
    expect(await ask('/health', undefined, 'GET')).toBe(200);
    expect(receiver.received).toEqual([]);
  });
  it('passes them on to the channel that is named, and to no other place', async () => {
    const { ask, receiver, delivered } = await relay('127.0.0.1');
    expect(await ask('/channel/desk', body({}))).toBe(200);
    expect(delivered).toHaveBeenCalledWith('desk', undefined);
    expect(await ask('/channel/other', body({}))).toBe(404);
    expect(await ask('/dead-man')).toBe(404);
    expect(await ask('/channel/desk', { x: 1 })).toBe(400);
    expect(await ask('/channel/desk', undefined, 'GET')).toBe(405);
    expect(receiver.received).toHaveLength(1);
  });
  it('does not tell that a test is over', async () => {
    const { ask, receiver } = await relay('127.0.0.1');
    expect(await ask('/channel/desk', body({ channel: 'desk', run: '1' }, 'resolved'))).toBe(200);
    expect(await ask('/channel/desk', body({ channel: 'desk', run: '1' }))).toBe(200);
    expect(receiver.received).toHaveLength(1);
  });
});

describe('alerts check', () => {
  const setUp = async (channels: string) => {
    const state = new StateFolder(temporaryFolder('alerts'));
    mkdirSync(state.root, { recursive: true });
    const services = [
      { name: 'app-1', component: 'app', role: 'application' },
      { name: 'postgres-1', component: 'postgres', role: 'database' },
    ];
    vi.spyOn(state, 'manifest').mockReturnValue({ services, files: [] } as never);
    const containers = services.map(({ name, component }) => ({
      id: name,
      name,
      service: name,
      component,
      state: 'running',
      health: 'healthy',
      status: 'Up',
    }));
    const engine = { observe: vi.fn(async () => containers), lives: async () => ({}) };
    const clock = { time: Date.parse('2026-11-29T10:00:00Z') };
    const context = {
      engine: async () => engine,
      capabilities: async () => [],
      clock: { now: () => new Date(clock.time) },
      signal: new AbortController().signal,
      flags: {},
      report: silent,
    } as unknown as Context;
    const project = { loaded: load({ file: `project: home\nalerts:\n  channels: ${channels}\n` }), state };
    const round = () =>
      checkRound(context, project).finally(() => {
        clock.time += 60_000;
      });
    return { containers, engine, state, round };
  };
  const titles = ({ received }: { received: { body: string }[] }) => received.map(({ body }) => JSON.parse(body).title as string);

  it('tells each channel once that something is wrong, the root cause first, and once that it is over', async () => {
    const desk = opened(await webReceiver(200));
    const { containers, round } = await setUp(`{ desk: { kind: webhook, url: "http://127.0.0.1:${desk.port}" } }`);
    await round();
    for (const container of containers) container.state = 'exited';
    await round();
    await round();
    for (const container of containers) container.state = 'running';
    await round();
    await round();
    await round();
    expect(titles(desk)).toEqual(['CRITICAL home: postgres-1: Up (and 1 more)', 'RESOLVED home: postgres-1: Up (and 1 more)']);
  });
  it('tells the other channels in the same round that one fails, and that one when it works again', async () => {
    const [desk, phone] = [opened(await webReceiver(200)), opened(await webReceiver(500))];
    const { containers, round, state } = await setUp(
      `{ desk: { kind: webhook, url: "http://127.0.0.1:${desk.port}" }, phone: { kind: webhook, url: "http://127.0.0.1:${phone.port}" } }`,
    );
    (containers[1] as { state: string }).state = 'exited';
    const { delivered } = await round();
    expect(delivered.filter(({ channel: name }) => name === 'phone')).toEqual([{ channel: 'phone', alerts: 1, problem: 'it answers 500' }]);
    expect(titles(desk)).toEqual(['CRITICAL home: postgres-1: Up', 'CRITICAL home: alerts do not reach the channel phone: it answers 500']);
    expect(readAlertState(state).failures.phone).toMatchObject({ message: 'it answers 500' });
    await round();
    expect(phone.received).toHaveLength(2);
    expect(titles(desk)).toHaveLength(2);
  });
  it('alerts where the engine does not answer', async () => {
    const desk = opened(await webReceiver(200));
    const { engine, round } = await setUp(`{ desk: { kind: webhook, url: "http://127.0.0.1:${desk.port}" } }`);
    engine.observe.mockRejectedValue(new UserError('ENGINE_AWAY', 'the Docker Engine does not answer', 'systemctl start docker'));
    await round();
    expect(titles(desk)).toEqual(['CRITICAL home: the Docker Engine does not answer']);
    expect(desk.received[0]?.body).toContain('systemctl start docker');
  });
});
