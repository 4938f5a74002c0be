import { describe, expect, it } from 'vitest';
import { load } from '../../support/settings.ts';

const refusal = (file: string): string => {
  try {
    load({ file: `version: 1\n${file}\n` });
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('what is wrong in medianest.yml is told by line, path and what is wanted', () => {
  it.each([
    ['edge: { rateLimit: { perSecnd: 5 } }', 'edge.rateLimit.perSecnd: is not a setting; did you mean `perSecond`?'],
    ['edge: { login: { x: 5 } }', 'edge.login.x: is not a setting; known here: burst, paths, perMinute'],
    ['edge: { login: { perMinute: many } }', 'edge.login.perMinute: should be a number from 1 to 10000'],
    ['edge: { login: { paths: [] } }', 'edge.login.paths: should have at least 1 entry'],
    ['edge: { login: true }', 'edge.login: should be `false`, or { paths, perMinute, burst }'],
    [
      'edge: { waf: { exclusions: [{ rule: 942100, path: /a, field: x }] } }',
      'edge.waf.exclusions.0.field: is not a setting; known here: parameter, path, rule',
    ],
    ['edge: { waf: { exclusions: [{ rule: 942100 }] } }', 'edge.waf.exclusions.0.path: is missing'],
    [
      'edge: { waf: { exclusions: [{ rule: attack-sqly, path: /a }] } }',
      'edge.waf.exclusions.0.rule: attack-sqly is no tag of the OWASP CRS; did you mean attack-sqli?',
    ],
    ['edge: { waf: { mode: blocking } }', 'edge.waf.mode: should be one of off, detect, block'],
    ['edge: { waf: block }', 'edge.waf: should be settings of its own, such as { name: value }'],
    ['edge: { waf: { paranoia: 5 } }', 'edge.waf.paranoia: should be at most 4'],
    ['edge: { tls: { ciphers: old } }', 'edge.tls.ciphers: should be one of intermediate, modern'],
    ['edge: { hsts: 31536000 }', 'edge.hsts: should be true, false, or { subdomains, preload }'],
    ['edge: { headers: { X-A: 5 } }', 'edge.headers.X-A: should be a text'],
    ['edge: { domains: [a.example, a.example] }', 'edge.domains: names a domain twice'],
    ['edge: { memory: 32m }', 'edge.memory: should be at least 64m'],
    ['edge: { uploadPaths: [/api/uploads, /api/uploads] }', 'edge.uploadPaths: names a path twice'],
    ['cdn: { maxAgeSeconds: -1 }', 'cdn.maxAgeSeconds: should be at least 0'],
    ['database: { ttl: 19 }', 'database.ttl: should be at least 20: Patroni refuses less'],
    ['database: { loopWait: 0 }', 'database.loopWait: should be at least 1'],
    ['database: { retryTimeout: 2 }', 'database.retryTimeout: should be at least 3: Patroni refuses less'],
    [
      'database: { ttl: 29, loopWait: 10, retryTimeout: 10 }',
      'database.ttl: is 29, and has to be at least loopWait + 2 × retryTimeout, which is 30: the leader would lose its role while etcd is slow',
    ],
    ['database: { members: 4 }', 'database.members: should be 1, 2 or 3'],
    ['database: { parameters: { include: /a } }', 'database.parameters.include: is no parameter: write those of the file here'],
    [
      'database: { parameters: { unix_socket_group: a } }',
      'database.parameters.unix_socket_group: is medianest’s own: the socket is for the container alone',
    ],
    ['database: { parameters: { log_line_prefix: "a\\nwork_mem=1" } }', 'database.parameters.log_line_prefix: should be one line of text'],
    ['database: { parameters: { log_line_prefix: "a\\0work_mem=1" } }', 'database.parameters.log_line_prefix: should be one line of text'],
    ['etcd: { members: 2 }', 'etcd.members: should be 1 or 3: an even number tolerates no more failures than one less'],
    ['etcd: { members: 4 }', 'etcd.members: should be 1 or 3: an even number tolerates no more failures than one less'],
    ['redisCluster: { replicas: 2 }', 'redisCluster.replicas: should be 1 (6 containers) or 0 (3 containers, where memory is short)'],
    ['app: { image: "" }', 'app.image: should be an image such as ghcr.io/you/app:1'],
    ['app: { image: "bad image" }', 'app.image: should be an image such as ghcr.io/you/app:1'],
    ['app: { env: { "a b": x } }', 'app.env.a b: is not a name that can stand here'],
    ['app: { migrate: "node migrate.js" }', 'app.migrate: should be a list, such as [one, two]'],
  ])('%s', (file, message) => {
    expect(refusal(file)).toBe(`medianest.yml:2: ${message}`);
  });

  it.each(['0.0.0.0/0', '::/0', '128.0.0.0/1'])('a trusted proxy that is everybody: %s', (range) => {
    expect(refusal(`edge: { trustedProxies: ["${range}"] }`)).toMatch(
      /^medianest\.yml:2: edge\.trustedProxies\.0: contains half the internet, /,
    );
    expect(refusal(`edge: { operators: ["${range}"] }`)).toMatch(/edge\.operators\.0: contains half the internet/);
  });
  it.each(['10.0.0.0/8', '104.16.0.0/13', 'fc00::/7', '2606:4700::/32', '127.0.0.1', '::1'])('but %s may be one', (range) => {
    expect(refusal(`edge: { trustedProxies: ["${range}"] }`)).toBe('accepted');
  });

  it.each(['/api', '/api/', '/api/session', '/api/session/'])('uploads below %s would hide sign-ins from the WAF', (path) => {
    expect(refusal(`edge: { uploadPaths: [/api/uploads, ${path}] }`)).toMatch(
      /^medianest\.yml:2: edge\.uploadPaths\.1: \S+ takes in \/api\/session, where people sign in/,
    );
  });
  it.each(['/api/sessions', '/api/session/avatar'])('uploads below %s do not', (path) => {
    expect(refusal(`edge: { uploadPaths: [${path}] }`)).toBe('accepted');
  });
  it('nor do uploads where sign-on is off', () => {
    expect(refusal('edge: { login: false, uploadPaths: [/api] }')).toBe('accepted');
  });

  it('static files are not everything', () => {
    expect(refusal('cdn: { paths: [/] }')).toMatch(/cdn\.paths\.0: should be the start of a path such as \/assets\/ \(not \/ itself/);
  });
});

it('a limit is set by itself too, from the environment and a flag', () => {
  const { settings } = load({ env: { MEDIANEST_EDGE_RATE_LIMIT_BURST: '7' }, flags: { set: ['edge.login.perMinute=3'] } });
  expect(settings.edge).toMatchObject({ rateLimit: { perSecond: 100, burst: 7 }, login: { perMinute: 3 } });
});
