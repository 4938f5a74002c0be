import { describe, expect, it } from 'vitest';
import {
  cidrProblem,
  dynamicRange,
  formatAddress,
  formatCidr,
  hostAddress,
  overlaps,
  parseAddress,
  parseCidr,
  type Range,
} from '../../../src/core/cidr.ts';
import { UserError } from '../../../src/core/errors.ts';
import { chooseSubnets } from '../../../src/stack/subnets.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { AUTO, type LoadOptions, load, NEEDS, SUBNETS, stackOf } from '../../support/settings.ts';

const stack = (options: LoadOptions): Stack => stackOf(load(options));
const composed = (file: string): Stack => stack({ file, flags: { profile: 'dev-compose' } });

/** Numbers that look random and are the same in every run (Park and Miller 1988), so that a failure can be repeated. */
function random(seed = 20_261_123): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
}

describe('address arithmetic', () => {
  it.each<[string, string | undefined]>([
    ['10.0.0.0/16', undefined],
    ['10.0.0.0/24', undefined],
    ['10.0.0.7/16', 'is not the start of a range: write 10.0.0.0/16'],
    ['10.0.0.0/25', 'should have at least 256 addresses (/24 or wider)'],
    ['010.0.0.0/16', 'is not the start of a range: write 10.0.0.0/16'],
    ['10.0.0.0/16/2', 'is not the start of a range: write 10.0.0.0/16'],
    ...['', '10.0.0.0', '10.0.0/16', '10.0.0.256/16', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/1e1', 'fd00::/8', '10.0.0.0 /16'].map(
      (text): [string, string] => [text, 'should be `auto` or an IPv4 range such as 10.0.0.0/16'],
    ),
  ])('says of %j: %s', (text, problem) => {
    expect(cidrProblem(text)).toBe(problem);
  });
  it('holds for ranges of any place and size', () => {
    const next = random();
    for (let i = 0; i < 2000; i++) {
      const address = next(2 ** 16) * 2 ** 16 + next(2 ** 16);
      const prefix = next(33);
      const range = parseCidr(`${formatAddress(address)}/${prefix}`) as Range;
      expect(parseAddress(formatAddress(address))).toBe(address);
      expect([range.first <= address && address <= range.last, range.last - range.first + 1]).toEqual([true, 2 ** (32 - prefix)]);
      expect(parseCidr(formatCidr(range))).toEqual(range);
      const other = parseCidr(`${formatAddress(next(2 ** 16) * 2 ** 16)}/${8 + next(17)}`) as Range;
      expect(overlaps(range, other)).toBe(overlaps(other, range));
      expect(overlaps(range, other)).toBe(Math.max(range.first, other.first) <= Math.min(range.last, other.last));
    }
  });
  it('never lets a fixed address meet one that Docker hands out', () => {
    const next = random(7);
    for (let i = 0; i < 500; i++) {
      const prefix = 8 + next(17);
      const subnet = formatCidr(parseCidr(`${formatAddress(next(2 ** 16) * 2 ** 16)}/${prefix}`) as Range);
      const host = next(2 ** (32 - prefix));
      const fixed = hostAddress(subnet, host);
      const dynamic = parseCidr(dynamicRange(subnet)) as Range;
      if (fixed === undefined) expect(host).toBeGreaterThanOrEqual(2 ** (31 - prefix));
      else expect(overlaps(dynamic, parseCidr(`${fixed}/32`) as Range)).toBe(false);
    }
  });
  it('chooses ranges that overlap neither what is taken nor each other', () => {
    const next = random(99);
    for (let i = 0; i < 200; i++) {
      const taken = Array.from({ length: next(12) }, () => ({
        subnet: formatCidr(parseCidr(`${['10', '172', '192'][next(3)]}.${next(256)}.${next(256)}.0/${12 + next(13)}`) as Range),
        by: 'somebody',
      }));
      const ranges = Object.values(chooseSubnets(AUTO, {}, taken, NEEDS).subnets).map((subnet) => parseCidr(subnet) as Range);
      const all = [...ranges, ...taken.map(({ subnet }) => parseCidr(subnet) as Range)];
      for (const [index, range] of ranges.entries()) {
        expect(all.filter((other, at) => at !== index && overlaps(range, other))).toEqual([]);
        expect(range.prefix).toBeLessThanOrEqual(24);
      }
    }
  });
  it('leaves a network that is made where it is, and moves one that is not where another network has its range', () => {
    const before = chooseSubnets(AUTO, {}, [], NEEDS).subnets;
    const taken = [before.app, before.out].map((subnet) => ({ subnet, by: 'another network' }));
    const { subnets, moved } = chooseSubnets(AUTO, before, taken, NEEDS, (network) => network !== 'out');
    expect(moved.map(({ network }) => network)).toEqual(['out']);
    expect({ ...subnets, out: before.out }).toEqual(before);
  });
  it('gives way to an explicit range, whatever the order of the networks', () => {
    const { subnets } = chooseSubnets({ ...AUTO, mgmt: { subnet: '10.0.0.0/16' } }, {}, [], NEEDS);
    expect(subnets.mgmt).toBe('10.0.0.0/16');
    expect(subnets.app).toBe('10.1.0.0/24');
  });
});

describe('what cannot run together is refused before anything is written', () => {
  const both = { file: 'components: { edge: true }', flags: { profile: 'dev' } };
  it.each<[string, () => Stack, RegExp]>([
    [
      'two services with one address',
      () => stack(both),
      /edge and all-in-one cannot run together: both have the address 172\.16\.0\.10 in the network dmz/,
    ],
    ['one port for two purposes', () => composed('edge: { httpPort: 8443 }'), /edge\.httpsPort and edge\.httpPort are both 8443/],
    ['one port on every address and on one', () => composed('edge: { address: "::", httpPort: 8443 }'), /are both 8443/],
    [
      'an address that another one contains',
      () => composed('edge: { address: ["127.0.0.1", "0.0.0.0"] }'),
      /edge\.address names 127\.0\.0\.1 besides 0\.0\.0\.0/,
    ],
    ['nothing at all', () => stack({ flags: { without: 'all-in-one' } }), /every component is switched off/],
    [
      'an application without its database',
      () => composed('components: { postgres: false }'),
      /the portal needs the database, and none is switched on/,
    ],
  ])('%s', (_name, run, message) => {
    expect(run).toThrow(UserError);
    expect(run).toThrow(message);
  });
  it('but a service less is fine where nothing needs it', () => {
    const { services } = stack({ flags: { profile: 'dev-compose', without: 'app' } });
    expect(services.map((service) => [service.name, service.after])).toEqual([
      ['edge', []],
      ['postgres', []],
      ['redis', []],
      ['backup', []],
    ]);
  });
});

describe('addresses to open', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:3000/'],
    ['0.0.0.0', 'http://localhost:3000/'],
    ['::', 'http://localhost:3000/'],
    ['::1', 'http://[::1]:3000/'],
  ])('of one container on %s is %s', (address, url) => {
    expect(stack({ file: `allInOne: { address: "${address}" }` }).urls).toEqual([url]);
    expect(new URL(url).port).toBe('3000');
  });
  it('are one for each domain, without the port that browsers take by themselves', () => {
    expect(composed('edge: { domains: [a.example, "::1", 192.168.1.2], httpsPort: 443 }').urls).toEqual([
      'https://a.example/',
      'https://[::1]/',
      'https://192.168.1.2/',
    ]);
  });
});

describe('cost', () => {
  it('asks for the hash of each image source a fixed number of times, whatever the replicas', () => {
    const calls = (replicas: number) => {
      let count = 0;
      const loaded = load({ file: `app: { replicas: ${replicas} }`, flags: { profile: 'dev-compose' } });
      stackOf(loaded, undefined, () => `hash ${Math.min(++count, 0)}`);
      return count;
    };
    expect(calls(1000) - calls(500)).toBe(500 * (calls(2) - calls(1)));
  });
  it('names each image, volume, secret and certificate once for a thousand replicas', () => {
    const big = composed('app: { replicas: 1000 }');
    expect([big.images.length, big.volumes, big.secrets.length, big.certificates.length]).toEqual([
      6,
      ['edge-cache', 'uploads', 'media', 'postgres-data', 'redis-data', 'backups'],
      5,
      1,
    ]);
    expect(big.services.filter((service) => service.name === 'edge')[0]?.after).toHaveLength(1000);
  });
});

it('moves with the ranges of its networks', () => {
  const loaded = load({ flags: { profile: 'dev-compose' } });
  expect(stackOf(loaded).networks.map((network) => network.subnet)).toEqual([SUBNETS.dmz, SUBNETS.app, SUBNETS.db]);
});
