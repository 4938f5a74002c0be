import { describe, expect, it } from 'vitest';
import { parseList, type Span } from '../../../src/firewall/plan/addresses.ts';
import { type Policy, policyOf } from '../../../src/firewall/plan/policy.ts';
import { ruleset, suspend, trialRuleset } from '../../../src/firewall/plan/ruleset.ts';
import type { EdgeSettings } from '../../../src/services/edge/settings/edge-settings.ts';
import { load, stackOf } from '../../support/settings.ts';

const spans = (text: string): Span[] => parseList(text) as Span[];

function policy(file: string, lists: Record<string, Span[]> = {}): Policy {
  const loaded = load({ file });
  const { firewall, edge } = loaded.settings;
  const { operators, trustedProxies } = edge as EdgeSettings;
  return policyOf({ settings: firewall, edge: { operators, trustedProxies }, stack: stackOf(loaded), lists });
}

describe('the rules', () => {
  it('of a portal for the LAN, as they stay', async () => {
    const lan = policy('profile: prod\nproject: home\nedge: { domains: [media.lan] }\nfirewall: { enabled: true }');
    await expect(ruleset(lan)).toMatchFileSnapshot('rules-lan.nft');
  });

  it('of a portal for everyone, with both families, a list, a proxy in front and a port of an override', async () => {
    const everyone = policy(
      `profile: prod
project: my-media
edge: { domains: [media.example.org], address: every, trustedProxies: [198.51.100.1], operators: ["2001:db8:1::/48"] }
firewall:
  allow: everyone
  ports: { "5432": [operators, 203.0.113.0/25, 203.0.113.128/25, office] }
  operators: [192.0.2.1]
  lists: { abuse: ./abuse, office: ./office }
  block: [abuse]`,
      { abuse: spans('1.0.0.0/24\n2001:db8:bad::/48'), office: spans('198.18.0.0-1\n'.replace('-1', '/31')) },
    );
    await expect(ruleset(everyone)).toMatchFileSnapshot('rules-everyone.nft');
  });

  it('of UDP ports of an override', async () => {
    const udp = policy(
      'profile: prod\nproject: names\nedge: { domains: [media.lan] }\nfirewall: { ports: { 53/udp: lan, "53": [10.0.0.0/8], 443/udp: everyone } }',
    );
    await expect(ruleset(udp)).toMatchFileSnapshot('rules-udp.nft');
  });

  it('of a laptop, on trial: loopback alone, without limits', async () => {
    const laptop = policy('profile: dev-compose\nproject: laptop\nfirewall: { perAddressPerSecond: 0, totalPerSecond: 0 }');
    await expect(suspend('laptop', 60) + trialRuleset(laptop, 60)).toMatchFileSnapshot('rules-laptop-trial.nft');
  });

  it('have no set of a network that this host has no route to', () => {
    const loaded = load({ file: 'profile: prod\nproject: home\nedge: { domains: [media.lan] }' });
    const stack = stackOf(loaded);
    const isolated = {
      ...stack,
      networks: stack.networks.map((network) => ({ ...network, ...(network.name === 'db' && { isolated: true as const }) })),
    };
    const { networks } = policyOf({
      settings: loaded.settings.firewall,
      edge: { operators: [], trustedProxies: [] },
      stack: isolated,
      lists: {},
    });
    expect(stack.networks.find(({ name }) => name === 'db')).toBeDefined();
    expect(networks.some(({ first }) => first === BigInt(0xc0a80000))).toBe(false);
    expect(networks.some(({ first }) => first === BigInt(0xac100000))).toBe(true);
  });

  it('keep lines short, however long a list is', () => {
    const many = spans(Array.from({ length: 1000 }, (_, n) => `10.${n >> 8}.${n & 255}.1`).join('\n'));
    const text = ruleset(policy('profile: prod\nedge: { domains: [a.lan] }\nfirewall: { lists: { x: ./x }, block: [x] }', { x: many }));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(200);
    expect(text.match(/10\.\d+\.\d+\.1,/g)).toHaveLength(1000);
  });
});
