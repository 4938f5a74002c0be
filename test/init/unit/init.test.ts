import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Neighbour } from '../../../src/docker/types.ts';
import {
  isPublic,
  KNOWN,
  type ProfileFit,
  proposeProfile,
  proposeUrl,
  settingsText,
  valueAt,
  withValue,
} from '../../../src/init/plan/init.ts';

const neighbour = (image: string, more: Partial<Neighbour> = {}): Neighbour => ({
  name: 'n',
  image,
  ports: {},
  hostNetwork: false,
  ...more,
});
const [plex, overseerr, kuma] = KNOWN as [(typeof KNOWN)[0], (typeof KNOWN)[0], (typeof KNOWN)[0]];

describe('what is found on the host', () => {
  const cases: [known: typeof plex, neighbours: Neighbour[], listening: number[], url: string | undefined][] = [
    [plex, [neighbour('plexinc/pms-docker:latest', { hostNetwork: true })], [], 'http://10.0.0.5:32400'],
    [plex, [neighbour('lscr.io/linuxserver/plex', { ports: { 32400: 8324 } })], [], 'http://10.0.0.5:8324'],
    [overseerr, [neighbour('sctx/overseerr@sha256:1', { ports: { 5055: 5055 } })], [], 'http://10.0.0.5:5055'],
    [overseerr, [neighbour('fallenbagel/jellyseerr:2', { ports: { 5055: 6000 } })], [], 'http://10.0.0.5:6000'],
    [kuma, [neighbour('louislam/uptime-kuma:1', { ports: { 3001: 3001 } })], [], 'http://10.0.0.5:3001'],
    [kuma, [neighbour('louislam/uptime-kuma:1')], [], undefined],
    [kuma, [], [3001], 'http://10.0.0.5:3001'],
    [plex, [neighbour('me/plexamp', { ports: { 32400: 1 } })], [], undefined],
  ];
  it.each(cases)('%#', (known, neighbours, listening, url) => {
    expect(proposeUrl(known, neighbours, new Set(listening), '10.0.0.5')?.url).toBe(url);
  });
  it('is called by an IPv6 address in brackets', () => {
    expect(proposeUrl(plex, [], new Set([32400]), 'fd00::5')?.url).toBe('http://[fd00::5]:32400');
  });
});

it('proposes the largest profile that fits', () => {
  const profile = (name: string, containers: number, problem?: string): ProfileFit => ({
    name,
    description: '',
    containers,
    memoryBytes: containers,
    problem,
  });
  expect(proposeProfile([profile('a', 1), profile('b', 9, 'port 80 is in use'), profile('c', 4)])?.name).toBe('c');
  expect(proposeProfile([profile('a', 1, 'no')])).toBeUndefined();
});

it.each([
  ['192.168.1.5', false],
  ['172.31.0.1', false],
  ['172.32.0.1', true],
  ['100.64.0.1', false],
  ['93.184.216.34', true],
  ['fe80::1', false],
  ['fd00::1', false],
  ['2606:2800::1', true],
])('%s is public: %s', (address, expected) => {
  expect(isPublic(address)).toBe(expected);
});

it('writes settings that read back as they were, whatever is in them', () => {
  const settings = {
    profile: 'x',
    edge: { headers: { 'X-A': 'a: "b" # c' }, domains: ['a', 'b'], hsts: true },
    version: 3,
    app: { command: [], env: {} },
  };
  const text = settingsText(settings, (path) => `about ${path.join('.')}`, '.medianest/s.json', ['version', 'profile', 'edge', 'app']);
  expect(parse(text)).toEqual(settings);
  expect(
    text
      .split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split(':')[0]),
  ).toEqual(['version', 'profile', 'edge', 'app']);
  expect(text).toContain('  # about edge.hsts\n  hsts: true');
});

it('sets and reads values by path', () => {
  expect(withValue({ a: { b: 1 } }, ['a', 'c'], 2)).toEqual({ a: { b: 1, c: 2 } });
  expect(withValue({ a: 1 }, ['a', 'c'], 2)).toEqual({ a: { c: 2 } });
  expect([valueAt({ a: { b: 1 } }, ['a', 'b']), valueAt({ a: 1 }, ['a', 'b'])]).toEqual([1, undefined]);
});
