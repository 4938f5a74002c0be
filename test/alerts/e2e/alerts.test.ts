import os from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WebReceiver, webReceiver } from '../../support/alerts/receivers.ts';
import { docker } from '../../support/cli.ts';
import { until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** An address of this host that containers reach. */
const HOST = Object.values(os.networkInterfaces())
  .flat()
  .find((entry) => entry && !entry.internal && entry.family === 'IPv4')?.address;

let space: Workspace;
let desk: WebReceiver;
let broken: WebReceiver;
let pushed: WebReceiver;

const json = async (...args: string[]) => {
  const { status, stdout, stderr } = await space.run([...args, '--json']);
  return { status, stderr, data: JSON.parse(stdout) };
};
const titles = () => desk.received.map(({ body }) => JSON.parse(body).title as string);
const told = (text: string) => titles().some((title) => title.includes(text));
const edge = () => `${space.project}-edge-1`;

beforeAll(async () => {
  [desk, broken, pushed] = [await webReceiver(200, '0.0.0.0'), await webReceiver(500, '0.0.0.0'), await webReceiver(200, '0.0.0.0')];
  space = await workspace('alerts');
  space.configure({
    profile: 'dev-compose',
    observability: 'light',
    alerts: {
      channels: {
        desk: { kind: 'webhook', url: `http://${HOST}:${desk.port}/desk` },
        broken: { kind: 'webhook', url: `http://${HOST}:${broken.port}/not-to-be-seen` },
      },
      deadMan: { url: `http://${HOST}:${pushed.port}/push` },
    },
  });
  const started = await space.run(['up']);
  expect({ status: started.status, stderr: started.stderr }).toMatchObject({ status: 0 });
}, 900_000);
afterAll(async () => {
  await space?.destroy();
  await Promise.all([desk, broken, pushed].map((receiver) => receiver?.close()));
});

describe('alerts by Prometheus and Alertmanager', () => {
  test('are proven to arrive, channel by channel', async () => {
    const { status, data } = await json('alerts', 'test');
    expect(status).toBe(4);
    expect(data.channels).toMatchObject([
      { channel: 'desk', accepted: true },
      { channel: 'broken', accepted: false, problem: 'it answers 500' },
    ]);
    expect(told('This is a test of the channel desk')).toBe(true);
    const health = await json('health', '--all');
    const check = health.data.checks.find(({ id }: { id: string }) => id === 'alert-channel.broken');
    expect(check).toMatchObject({ status: 'fail', remedy: 'medianest alerts test broken' });
    expect(JSON.stringify(health.data)).not.toContain('not-to-be-seen');
  });

  test('call the dead man’s switch each minute', async () => {
    await until('it was called twice', () => pushed.received.length >= 2, 180);
    const [first, second] = pushed.received.map(({ at }) => at) as [number, number];
    process.stderr.write(`alerts: the dead man’s switch was called after ${(second - first) / 1000} s again\n`);
    // What waits for it usually waits for two minutes.
    expect(second - first).toBeLessThan(75_000);
  });

  test('arrive within a minute of the fault, with cause and fix, and so does their end', async () => {
    const fault = Date.now();
    await docker(['stop', '--time', '1', edge()]);
    await until('the channel is told', () => told('The edge does not answer'), 90);
    const seconds = (Date.now() - fault) / 1000;
    process.stderr.write(`alerts: told ${seconds.toFixed(1)} s after the fault\n`);
    expect(seconds).toBeLessThan(60);
    const message = desk.received.find(({ body }) => body.includes('The edge does not answer'))?.body ?? '';
    expect(JSON.parse(message).text).toMatch(/Cause: .*\n {2}Effect: Visitors do not reach the portal\.\n {2}Fix: medianest why edge/);
    const { data } = await json('alerts');
    expect(data).toMatchObject({ source: 'alertmanager' });
    expect(data.alerts.map(({ name }: { name: string }) => name)).toContain('EdgeDown');
  });

  test('tell the other channels that one fails', async () => {
    await until('desk knows of broken', () => told('Alerts do not reach the channel broken'), 120);
  });

  test('are held back by a silence, which is listed and ended', async () => {
    const made = await json('silence', 'edge', '--for', '1h', '--why', 'a test');
    expect(made).toMatchObject({ status: 0, data: { label: 'cause', value: 'edge' } });
    const { data } = await json('alerts');
    expect(data.alerts.find(({ name }: { name: string }) => name === 'EdgeDown')).toMatchObject({ silenced: true });
    expect((await space.run(['silence', 'list'])).stdout).toContain('cause edge');
    expect((await space.run(['audit'])).stdout).toContain('silence edge');
    expect((await space.run(['silence', 'remove', 'edge'])).status).toBe(0);
    expect((await space.run(['silence', 'list'])).stdout).toContain('nothing is silenced');
  });

  test('end when the fault ends', async () => {
    await docker(['start', edge()]);
    // It fires for two minutes more, so that a fault that comes and goes is one alert: `health` tells that it is over.
    const ended = async () => {
      const { checks } = (await json('health', '--all')).data as { checks: { id: string; status: string; message: string }[] };
      return checks.some(({ id, status, message }) => id.startsWith('alert.EdgeDown') && status === 'warn' && / \(ended \d/.test(message));
    };
    await until('health tells the end', ended, 100);
    await until(
      'the channel is told',
      () => titles().some((title) => title.startsWith('RESOLVED') && title.includes('The edge does not answer')),
      300,
    );
  });
});

test('Alertmanager and the relay stay small', async () => {
  const named = ['alertmanager', 'alert-relay'].map((service) => `${space.project}-${service}-1`);
  const { stdout } = await docker(['stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}', ...named]);
  process.stderr.write(`alerts: ${stdout}`);
  const sizes = [...stdout.matchAll(/ ([\d.]+)MiB \//g)].map(([, size]) => Number(size));
  expect(sizes).toHaveLength(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(110);
});

describe('alerts without Prometheus', () => {
  test('come by the same channels', async () => {
    const changed = await space.run(['up', '--set', 'observability=off']);
    expect({ status: changed.status, stderr: changed.stderr }).toMatchObject({ status: 0 });
    const off = ['--set', 'observability=off'];
    await docker(['stop', '--time', '1', edge()]);
    const before = titles().length;
    const { status, data } = await json('alerts', 'check', ...off);
    expect(status).toBe(0);
    expect(data.delivered).toContainEqual({ channel: 'broken', alerts: expect.any(Number), problem: 'it answers 500' });
    expect(titles().slice(before)).toEqual([
      expect.stringMatching(/^CRITICAL .*edge: Exited/),
      expect.stringMatching(/^CRITICAL .*alerts do not reach the channel broken: it answers 500/),
    ]);
    await json('alerts', 'check', ...off);
    expect(titles()).toHaveLength(before + 2);
    const tested = await json('alerts', 'test', 'desk', ...off);
    expect([tested.status, told('This is a test of the channel desk')]).toEqual([0, true]);
    expect((await json('jobs', 'list', ...off)).data.jobs.map(({ name }: { name: string }) => name)).toContain('alerts');
    expect((await json('jobs', 'list')).data.jobs.map(({ name }: { name: string }) => name)).not.toContain('alerts');
  });
});
