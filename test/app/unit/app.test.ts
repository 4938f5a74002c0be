import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Service } from '../../../src/stack/types.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const replicas = (settings: Record<string, unknown>, profile = 'prod'): Service[] =>
  stackOf(load({ file: stringify(settings), flags: { profile } })).services.filter(({ component }) => component === 'app');
const first = (...args: Parameters<typeof replicas>) => replicas(...args)[0] as Service;

describe('TLS to the app', () => {
  const health = (service: Service) => (service.view as { healthcheck: { test: string[] } }).healthcheck.test.join(' ');

  it('is on for the portal behind the balancer, with one certificate that it reloads', () => {
    const stack = stackOf(load({ flags: { profile: 'prod' } }));
    const [app, ...others] = stack.services.filter(({ component }) => component === 'app');
    expect(app).toMatchObject({
      certificate: { name: 'app', subjects: ['app', 'localhost', '127.0.0.1'] },
      reload: ['/usr/local/bin/reload'],
      environment: { TLS_CERT_FILE: '/run/certs/current/fullchain.pem', TLS_KEY_FILE: '/run/certs/current/privkey.pem' },
    });
    expect(others.map(({ certificate }) => certificate)).toEqual([app?.certificate, app?.certificate]);
    expect(stack.certificates.filter(({ name }) => name === 'app')).toHaveLength(1);
  });

  it('is off without the balancer, and for an own image, unless said', () => {
    for (const service of [first({}, 'dev-compose'), first({ app: { image: 'mine:1' } }), first({ app: { tls: false } })]) {
      expect([service.certificate, service.reload, service.environment.TLS_CERT_FILE]).toEqual([undefined, undefined, undefined]);
    }
    expect(first({ app: { tls: true } }, 'dev-compose').certificate).toMatchObject({ name: 'app' });
  });

  it('of an own image takes a renewed certificate by a new container, and its health is asked over TLS', () => {
    const own = first({ app: { image: 'mine:1', tls: true } });
    expect([own.certificate?.name, own.reload]).toEqual(['app', undefined]);
    expect(health(own)).toContain("curl -fsS -k -m 3 -o /dev/null 'https://127.0.0.1:3000/api/health'");
    expect(health(own)).toContain('wget -q --no-check-certificate');
    expect(health(own)).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0');
    expect(health(first({ app: { image: 'mine:1' } }))).not.toMatch(/https|-k |no-check|UNAUTHORIZED/);
    expect(first({ app: { tls: true, source: '/src' } }).reload).toBeUndefined();
  });
});

describe('an image that has no use for a store', () => {
  const NO_DATABASE = { patroni: false, etcd: false, 'db-router': false, backup: false };
  const NO_CACHE = { 'redis-cluster': false };
  const own = (components: Record<string, boolean>, app: Record<string, unknown> = {}) =>
    first({ components: { ...components, agent: false, 'engine-proxy': false }, app: { image: 'mine:1', ...app } });
  const given = ({ environment }: Service, start: RegExp) => Object.keys(environment).filter((name) => start.test(name));

  it('is given the other one alone', () => {
    const app = own(NO_CACHE);
    expect([app.networks, given(app, /^REDIS/), given(app, /^DATABASE_URL/)]).toEqual([['app', 'db'], [], ['DATABASE_URL_FILE']]);
    expect(app.secrets.map(({ name }) => name).filter((name) => name.startsWith('redis'))).toEqual([]);
  });

  it('is in no network of the data where it has neither', () => {
    const app = own({ ...NO_CACHE, ...NO_DATABASE });
    expect([app.networks, given(app, /^(REDIS|DATABASE)/), app.secrets]).toEqual([['app'], [], []]);
  });

  it('names what is switched on alone', () => {
    expect(() => own(NO_CACHE, { env: { CACHE: 'at {cache.host}' } })).toThrow(
      /app\.env\.CACHE names \{cache\.host\}, and no cache is switched on; nothing was changed/,
    );
    expect(() => own(NO_DATABASE, { env: { DB: '{database.url}' } })).toThrow(/app\.env\.DB names \{database\.url\}, and no database/);
    expect(() => first({ components: NO_CACHE })).toThrow(/the portal needs the cache, and none is switched on; nothing was changed/);
  });
});

describe('the app', () => {
  it.each([
    [{ cdn: { host: 'static.example.org' } }, 'https://static.example.org'],
    [{ cdn: { host: 'static.example.org' }, edge: { httpsPort: 8443 } }, 'https://static.example.org:8443'],
    [{ cdn: { host: 'static.example.org' }, edge: { httpsPort: 8443, publicPort: 443 } }, 'https://static.example.org'],
    [{ cdn: { host: 'static.example.org' }, app: { env: { ASSETS_URL: 'https://cdn.example' } } }, 'https://cdn.example'],
    [{}, undefined],
    [{ cdn: { host: 'static.example.org' }, components: { cdn: false } }, undefined],
  ])('of %j has its static files at %s', (settings, url) => {
    expect(
      first({ ...settings, components: { cdn: true, ...(settings as { components?: object }).components } }).environment.ASSETS_URL,
    ).toBe(url);
  });

  it.each([
    [0, /app\.replicas: should be at least 1/],
    [11, /app\.replicas is 11, and the balancer keeps 10 slots; nothing was changed/],
    [1000, /app\.replicas is 1000/],
    [1001, /app\.replicas: should be at most 1000/],
  ])('with %i replicas is refused', (count, words) => {
    expect(() => replicas({ app: { replicas: count } })).toThrow(words);
  });

  it('never asks for more processors than the host has: the engine would refuse the container', () => {
    const stack = stackOf(load({ flags: { profile: 'prod' } }));
    const cpus = (hostCpus: number) => rendered(stack, { hostCpus }).files[0]?.contents.match(/^ {4}cpus: .*$/gm);
    expect(new Set(cpus(1))).toEqual(new Set(['    cpus: 0.5', '    cpus: 1']));
    expect(new Set(cpus(16))).toEqual(new Set(['    cpus: 0.5', '    cpus: 1', '    cpus: 2']));
  });

  it('runs as the user and the group that are asked for', () => {
    const user = (text: string) => {
      const stack = stackOf(load({ file: `app: { user: '${text}' }`, flags: { profile: 'dev-compose' } }));
      return /app-1:[\s\S]*?user: "(.*?)"/.exec(rendered(stack).files[0]?.contents ?? '')?.[1];
    };
    expect([user('1234:55'), user('1234')]).toEqual(['1234:55', '1234:1234']);
  });
});
