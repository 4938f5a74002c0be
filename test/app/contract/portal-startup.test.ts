import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const SERVER = fileURLToPath(new URL('../../../templates/app/image/src/server.js', import.meta.url));
const taken = createServer();

beforeAll(() => once(taken.listen(0, '127.0.0.1'), 'listening'));
afterAll(() => taken.close());

function start(env: Record<string, string>) {
  const good = { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/d', REDIS_URL: 'redis://127.0.0.1:1', HOST: '127.0.0.1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [SERVER], { env: { ...good, ...env }, encoding: 'utf8', timeout: 10_000 });
  return {
    status,
    lines: (stdout + stderr)
      .trim()
      .split('\n')
      .filter((line) => line.includes('"fatal"') || !line.startsWith('{')),
  };
}

it.each<[string, Record<string, string>, RegExp]>([
  ['a file that is missing', { DATABASE_URL_FILE: '/nowhere/url' }, /DATABASE_URL_FILE: cannot read \/nowhere\/url \(ENOENT\)/],
  ['no database', { DATABASE_URL: '' }, /DATABASE_URL_FILE or DATABASE_URL must be set/],
  ['no session store', { REDIS_URL: '' }, /REDIS_URL_FILE, REDIS_URL or REDIS_CLUSTER_NODES must be set/],
  ['an address that is none', { REDIS_URL: 'localhost:6379' }, /REDIS_URL is not a redis:\/\/ address/],
  ['a cluster node without a port', { REDIS_CLUSTER_NODES: 'redis-1' }, /REDIS_CLUSTER_NODES must be a list of host:port/],
  ['a lone percent sign in a password', { DATABASE_URL: 'postgres://u:100%@h/d' }, /DATABASE_URL is not percent-encoded properly/],
  ['a setting out of range', { PORT: '70000' }, /PORT must be a number/],
  ['half of a certificate', { TLS_CERT_FILE: '/nowhere/cert' }, /TLS_CERT_FILE and TLS_KEY_FILE belong together/],
  ['a certificate that is missing', { TLS_CERT_FILE: '/nowhere/c', TLS_KEY_FILE: '/nowhere/k' }, /TLS_CERT_FILE, TLS_KEY_FILE: ENOENT/],
  ['static files below a path', { ASSETS_URL: 'https://static.example.org/x' }, /ASSETS_URL must be an address without a path/],
  [
    'an origin that would add to the policy',
    { ASSETS_URL: 'https://a.example; script-src *' },
    /ASSETS_URL must be an address without a path/,
  ],
  ['an unknown log level', { LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
])('refuses to start with %s, in one line', (_case, env, words) => {
  const { status, lines } = start(env);
  expect(status).toBe(1);
  expect(lines).toEqual([expect.stringMatching(words)]);
});

it('says so when its port is taken', () => {
  const { status, lines } = start({ PORT: String((taken.address() as AddressInfo).port) });
  expect(status).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/cannot start: listen EADDRINUSE/)]);
});
