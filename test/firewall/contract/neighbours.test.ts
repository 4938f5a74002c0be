import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spansOf } from '../../../src/firewall/plan/addresses.ts';
import { ruleset } from '../../../src/firewall/plan/ruleset.ts';
import { run } from '../../support/cli.ts';

const SUBNET = 'fd4d:6e00:1::/64';
const address = (host: number) => `fd4d:6e00:1::${host}`;
const BOTH = [10, 11] as const;

describe('two containers in a network that has IPv6', { timeout: 60_000 }, () => {
  const id = randomBytes(3).toString('hex');
  const host = `fwn${id}`;
  const container = (number: number) => `fwn${id}-${number}`;
  const inside = async (name: string, line: string, input?: string) => {
    const ended = await run('ip', ['netns', 'exec', name, ...line.split(' ')], input === undefined ? {} : { input });
    expect(ended, `${line}: ${ended.stderr}`).toMatchObject({ status: 0 });
    return ended.stdout;
  };

  beforeAll(async () => {
    for (const name of [host, ...BOTH.map(container)]) expect(await run('ip', ['netns', 'add', name])).toMatchObject({ status: 0 });
    await inside(host, 'ip link add br0 type bridge');
    await inside(host, `ip -6 address add ${address(1)}/64 dev br0 nodad`);
    await inside(host, 'ip link set br0 up');
    for (const number of BOTH) {
      await inside(host, `ip link add v${number} type veth peer name eth0 netns ${container(number)}`);
      await inside(host, `ip link set v${number} master br0 up`);
      await inside(container(number), `ip -6 address add ${address(number)}/64 dev eth0 nodad`);
      await inside(container(number), 'ip link set eth0 up');
    }
    // Where br_netfilter is loaded, as Docker does it, the rules see what the bridge passes on.
    await inside(host, 'sysctl -qew net.bridge.bridge-nf-call-ip6tables=1');
    const none = { ports: [], sets: {}, block: [], proxies: [], perAddressPerSecond: 0, totalPerSecond: 0 };
    await inside(host, 'nft -f -', ruleset({ ...none, project: 'fw-neighbours', networks: spansOf([SUBNET]) }));
  });
  afterAll(async () => {
    for (const name of [host, ...BOTH.map(container)]) await run('ip', ['netns', 'delete', name]);
  });

  it('see that the other is still there: that is asked from a link-local address', async () => {
    const [one, other] = BOTH;
    const [, mac = ''] = /ether (\S+)/.exec(await inside(container(other), 'ip -o link show eth0')) ?? [];
    const state = () => inside(container(one), `ip -6 neigh show ${address(other)}`);
    await expect
      .poll(() => inside(container(one), 'ip -6 address show dev eth0 scope link'), { timeout: 10_000 })
      .not.toMatch(/^$|tentative/);
    await inside(container(one), `ip -6 neigh replace ${address(other)} lladdr ${mac} dev eth0 nud probe`);
    await expect.poll(state, { timeout: 10_000 }).not.toContain('PROBE');
    expect(await state()).toContain('REACHABLE');
  });
});
