import { describe, expect, it } from 'vitest';
import { formatSpan, merged, parseList, parseSpan, type Span } from '../../../src/firewall/plan/addresses.ts';
import { mayReach, policyOf, ungoverned } from '../../../src/firewall/plan/policy.ts';
import { load, stackOf } from '../../support/settings.ts';

const policy = (firewall: string, lists: Record<string, Span[]> = {}, address = 'every') => {
  const loaded = load({ file: `profile: prod\nedge: { domains: [media.lan], address: "${address}" }\nfirewall: ${firewall}` });
  return policyOf({ settings: loaded.settings.firewall, edge: { operators: [], trustedProxies: [] }, stack: stackOf(loaded), lists });
};

describe('a range', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/24', '192.0.2.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['::', '::'],
    ['10:0:10:0:0:10:0:10', '10:0:10::10:0:10'],
    ['fe80::/10', 'fe80::/10'],
  ])('%s is %s', (text, expected) => {
    expect(formatSpan(parseSpan(text) as Span)).toBe(expected);
  });
  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/8/8',
    '::/129',
    ':::',
    '1::2::3',
    '12345::',
    'fe80::1%eth0',
    '1.2.3.4; flush ruleset',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
  ])('%j is none', (text) => {
    expect(parseSpan(text)).toBeUndefined();
  });
  it('merges with what it overlaps and touches, and not across families', () => {
    const list = ['10.0.0.0/25', '10.0.0.128/25', '10.0.1.7', '10.0.1.6', '10.0.0.3', '::/1', '255.255.255.255'];
    expect(merged(list.map((text) => parseSpan(text) as Span)).map(formatSpan)).toEqual([
      '10.0.0.0/24',
      '10.0.1.6/31',
      '255.255.255.255',
      '::/1',
    ]);
    expect(merged(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((text) => parseSpan(text) as Span)).map(formatSpan)).toEqual([
      '10.0.0.1-10.0.0.3',
    ]);
  });
});

describe('a list', () => {
  it('has comments, empty lines and ends of lines as Windows writes them', () => {
    expect((parseList('# x\r\n192.0.2.1 ; SBL1\r\n\r\n 2001:db8::/32 #\n') as Span[]).map(formatSpan)).toEqual([
      '192.0.2.1',
      '2001:db8::/32',
    ]);
  });
  it('is refused with its line where one is no address', () => {
    expect(parseList('192.0.2.1\n} flush ruleset\n')).toEqual({ line: 2, problem: '"} flush ruleset" is no address or range' });
    expect(parseList('\n'.repeat(500_001))).toMatchObject({ problem: expect.stringContaining('500000') });
  });
});

describe('settings', () => {
  it.each([
    ['allow: nobody', /firewall\.allow: should be `everyone`/],
    ['allow: []', /should name at least one/],
    ['allow: ["10.0.0.0/8; drop"]', /should be an address or a range/],
    ['ports: { edge.httpPort: ["@lan"] }', /should be an address or a range/],
    ['lists: { "a b": ./x }', /lists\.a b: is not a name/],
    ['lists: { lan: ./x }', /lists\.lan: is not a name/],
    ['lan: ["10.0.0.0/99"]', /should be an address or a range/],
    ['perAddressPerSecond: -1', /perAddressPerSecond/],
  ])('%s are refused', (text, message) => {
    expect(() => load({ file: `firewall: { ${text} }` })).toThrow(message);
  });
  it.each([
    ['ports: { edge.httpsPrt: lan }', /edge\.httpsPrt is no published port; did you mean `edge\.httpsPort`/],
    ['ports: { "99999": lan }', /99999 is no published port/],
    ['allow: [office]', /there is no list office/],
    ['block: [office]', /there is no list office/],
    ['ports: { edge.httpsPort: lan, "443": everyone }', /names edge\.httpsPort twice/],
  ])('%s fit no stack', (text, message) => {
    expect(() => policy(`{ ${text} }`)).toThrow(message);
  });
});

describe('who may reach', () => {
  const everyone = policy('{ ports: { edge.httpsPort: everyone }, operators: [192.0.2.9], lists: { bad: ./x }, block: [bad] }', {
    bad: parseList('192.0.2.0/24\n192.168.0.0/16') as Span[],
  });
  it.each([
    ['198.51.100.1', '203.0.113.1', 443, true],
    ['198.51.100.1', '203.0.113.1', 80, false],
    ['198.51.100.1', '203.0.113.1', 22, true],
    ['192.0.2.1', '203.0.113.1', 443, false],
    ['192.0.2.9', '203.0.113.1', 443, true],
    ['192.168.7.7', '203.0.113.1', 443, true],
    ['192.168.7.7', '203.0.113.1', 80, true],
    ['::ffff:192.168.7.7', '::ffff:203.0.113.1', 80, true],
    ['2001:db8::1', '2001:db8::2', 80, false],
    ['fe80::1%eth0', 'fe80::2%eth0', 80, true],
    ['127.0.0.1', '127.0.0.1', 80, true],
    ['198.51.100.1', '172.16.0.9', 8443, false],
  ])('%s to %s, port %i: %s', (from, to, port, expected) => {
    expect(mayReach(everyone, from, to, port)).toBe(expected);
  });
  it('a port of one address is not judged at another', () => {
    const one = policy('{ allow: [192.0.2.1] }', {}, '203.0.113.1');
    expect(mayReach(one, '198.51.100.1', '203.0.113.1', 443)).toBe(false);
    expect(mayReach(one, '198.51.100.1', '203.0.113.2', 443)).toBe(true);
  });
  it('a port that the engine publishes and no rule knows is told, unless it is on the loopback', () => {
    const ports = [443, 5432, 9000].map((host) => ({ address: '0.0.0.0', host }));
    expect(ungoverned(everyone, [...ports, { address: '::', host: 5432 }, { address: '127.0.0.1', host: 7 }])).toEqual(['5432', '9000']);
  });
  it('a UDP port is another one than the TCP port of that number', () => {
    const ports = [
      { address: '0.0.0.0', host: 443, udp: true as const },
      { address: '0.0.0.0', host: 53, udp: true as const },
    ];
    expect(ungoverned(everyone, ports)).toEqual(['53/udp', '443/udp']);
    const named = policy('{ allow: lan, ports: { 53/udp: lan, 443/udp: everyone } }');
    expect(ungoverned(named, ports)).toEqual([]);
    expect(ungoverned(named, [{ address: '0.0.0.0', host: 53 }])).toEqual(['53']);
    // What is said of it is not said of the portal's own port.
    expect(mayReach(named, '198.51.100.1', '203.0.113.1', 443)).toBe(false);
    expect(() => policy('{ ports: { 53/sctp: lan } }')).toThrow('53/sctp is no published port');
    expect(() => policy('{ ports: { 70000/udp: lan } }')).toThrow('70000/udp is no published port');
  });
});
