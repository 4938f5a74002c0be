import { describe, expect, it } from 'vitest';
import { noWayOutCheck, unresolved } from '../../../src/health/plan/no-way-out.ts';

describe('a host that the application has no way to', () => {
  it.each([
    ['Error: getaddrinfo ENOTFOUND api.example.org', 'api.example.org'],
    ['    at ... getaddrinfo EAI_AGAIN api.example.org', 'api.example.org'],
    ['Get "https://x.example.org/": dial tcp: lookup x.example.org on 127.0.0.11:53: no such host', 'x.example.org'],
    ['dial tcp: lookup x.example.org on 127.0.0.11:53: server misbehaving', 'x.example.org'],
    ['curl: (6) Could not resolve host: Example.org', 'example.org'],
    ['wget: unable to resolve host address \u2018a.example.org\u2019', 'a.example.org'],
    ["NameResolutionError: Failed to resolve 'pypi.example.org' ([Errno -3] Temporary failure in name resolution)", 'pypi.example.org'],
    ["HTTPSConnectionPool(host='a.example.org', port=443): ... [Errno -2] Name or service not known", 'a.example.org'],
    ['java.net.UnknownHostException: repo.example.org', 'repo.example.org'],
    ['php_network_getaddresses: getaddrinfo for mail.example.org failed: Name or service not known', 'mail.example.org'],
    ['Failed to open TCP connection to a.example.org:443 (getaddrinfo: Name or service not known)', 'a.example.org'],
  ])('is found in %j', (line, name) => {
    expect(unresolved(['other', line, line])).toEqual([name]);
  });

  it.each(['getaddrinfo ENOTFOUND redis', 'all is well at api.example.org', 'lookup api.example.org: i/o timeout'])(
    'is not in %j',
    (line) => {
      expect(unresolved([line])).toEqual([]);
    },
  );

  it('is told with the setting that opens a way, after what is open already', () => {
    const lines = ['b.org', 'c.org', 'd.org', 'e.org'].map((name) => `getaddrinfo ENOTFOUND ${name}`);
    expect(noWayOutCheck(['a.org:587'], lines)).toEqual({
      id: 'app-egress',
      status: 'warn',
      message: 'the application cannot resolve b.org, c.org, d.org and 1 more: it has no way out there',
      remedy: 'if it is to call that, set `app.egress: [a.org:587, b.org, c.org, d.org]`, with the port where it is not 443: HOST:PORT',
    });
  });

  it('is none where all addresses are open, or that host is', () => {
    const lines = ['getaddrinfo ENOTFOUND b.org'];
    const checks = [noWayOutCheck(true, lines), noWayOutCheck(['b.org:8443'], lines), noWayOutCheck(false, [])];
    expect(checks).toEqual([undefined, undefined, undefined]);
  });
});
