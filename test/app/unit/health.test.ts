import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { Service } from '../../../src/stack/types.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const START = { entrypoint: [], command: ['serve'], checksHealth: true, architecture: 'amd64' };

function replica(app: Record<string, unknown>, start = START): Service {
  const { settings } = load({ file: stringify({ app }), flags: { profile: 'prod' } });
  const stack = buildStack(settings, registry, {
    ...{
      version: '0.0.0',
      overrides: {},
      subnets: SUBNETS,
      sourceHash: () => 'fixed',
      engineSocket: { path: '/run/docker.sock', gid: 999 },
    },
    host: { imageStarts: { 'mine:1': start } },
  });
  return stack.services.find(({ name }) => name === 'app-1') as Service;
}
const check = (app: Record<string, unknown>, start = START) =>
  replica({ image: 'mine:1', ...app }, start).view.healthcheck as Record<string, unknown> | null;
const NONE = { ...START, checksHealth: false };
const USUAL = { interval: '10s', timeout: '10s', retries: 5, start_period: '60s', start_interval: '500ms' };

describe('the health of an own image', () => {
  it('is checked by its own HEALTHCHECK where no setting says another', () => {
    expect(check({})).toBeNull();
    expect(replica({ image: 'mine:1' }).view.hasHealthcheck).toBe(false);
    expect(check({ health: { startSeconds: 300 } })).toEqual({ start_period: '300s' });
    expect(check({}, NONE)).toMatchObject({ test: ['CMD-SHELL', expect.stringContaining('/api/health')], ...USUAL });
    expect(check({ healthPath: '/up' })).toMatchObject({ test: ['CMD-SHELL', expect.stringContaining('3000/up')] });
  });

  it('is asked for by a path, with nothing of the image, or by a command in it', () => {
    expect(check({ port: 8055, health: { get: '/server/health', intervalSeconds: 30, timeoutSeconds: 3 } })).toEqual({
      ...USUAL,
      test: ['CMD', '/run/launch/launch-amd64', 'probe', '8055', '/server/health', '3'],
      interval: '30s',
      timeout: '3s',
    });
    expect(replica({ image: 'mine:1', health: { get: '/x' } }).mounts).toContainEqual(expect.objectContaining({ target: '/run/launch' }));
    expect(check({ health: { command: ['/app/check', 'a b'] } })).toMatchObject({ test: ['CMD', '/app/check', 'a b'] });
    expect(check({ health: { none: true } })).toEqual({ disable: true });
  });

  it('over TLS is asked for with what the image has', () => {
    expect(check({ tls: true, health: { get: '/x' } })).toMatchObject({
      test: ['CMD-SHELL', expect.stringContaining('https://127.0.0.1:3000/x')],
    });
  });

  it('waits for what the image says', () => {
    const unknown = (app: Record<string, unknown>) =>
      stackOf(load({ file: stringify({ app: { image: 'mine:1', ...app } }), flags: { profile: 'prod' } })).services.find(
        ({ name }) => name === 'app-1',
      )?.unread;
    expect(
      [{}, { health: { get: '/x' } }, { healthPath: '/x' }, { health: { none: true } }, { health: { command: ['x'] } }].map(unknown),
    ).toEqual(['health', 'health', undefined, undefined, undefined]);
    expect(replica({ image: 'mine:1' }).unread).toBeUndefined();
  });

  it.each([
    [{ health: { none: true, get: '/x' } }, /app\.health: says get and none: choose one/],
    [{ health: { command: [] } }, /app\.health\.command/],
    [{ health: { get: "/x' || true" } }, /app\.health\.get: should be a path/],
    [{ health: { startSeconds: 0 } }, /app\.health\.startSeconds: should be a whole number from 1 to 3600/],
    [{ ready: { statuses: [99] } }, /app\.ready\.statuses\.0: should be a status from 200 to 599/],
  ])('%j is refused', (app, words) => {
    expect(() => replica(app)).toThrow(words);
  });
});

describe('the health of the portal', () => {
  it('stays its own, by another path or at other times too', () => {
    expect(replica({}).view.healthcheck).toEqual({ test: ['CMD', '/usr/local/bin/healthcheck', '/api/health'], ...USUAL });
    expect(replica({ health: { get: '/api/health/ready', startSeconds: 9 } }).view.healthcheck).toMatchObject({
      test: ['CMD', '/usr/local/bin/healthcheck', '/api/health/ready'],
      start_period: '9s',
    });
    expect(replica({}).unread).toBeUndefined();
  });
});

describe('the balancer', () => {
  const haproxy = (app: Record<string, unknown>) =>
    rendered(stackOf(load({ file: stringify({ app }), flags: { profile: 'prod' } }))).files.find(
      ({ path }) => path === 'balancer/haproxy.cfg',
    )?.contents ?? '';
  it('takes the statuses, times and counts that are set', () => {
    const text = haproxy({ readyPath: '/up', ready: { statuses: [200, 429], intervalSeconds: 10, rise: 2, fall: 5 } });
    expect(text).toContain('http-check expect status 200,429\n');
    expect(text).toContain('inter 10s fastinter 5s downinter 5s fall 5 rise 2 ');
    expect(haproxy({})).toContain('inter 2s fastinter 1s downinter 1s fall 3 rise 1 ');
    expect(haproxy({})).toContain('http-check expect status 200\n');
  });
});
