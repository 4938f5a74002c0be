import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADDRESSES, type FirewallWorld, firewallWorld } from '../../support/network/firewall-world.ts';

interface Planned {
  ports: { port: number; from: string[] }[];
}
interface Status {
  state: string;
  drift: string[];
  trialSecondsLeft: number;
}

const PROJECT = 'fw-contract';
const BASE = `profile: dev-compose
edge: { address: every }
networks: { dmz: { subnet: ${ADDRESSES.subnet} } }
`;
const settings = (firewall: string) => `${BASE}firewall: { enabled: true, ${firewall} }\n`;
const OPEN = settings('ports: { edge.httpsPort: everyone }');
const CLOSED = settings('allow: [192.0.2.1]');

describe('the firewall', { timeout: 60_000 }, () => {
  let world: FirewallWorld;
  const json = async <T>(...args: string[]) => JSON.parse((await world.medianest(['firewall', ...args, '--json'])).stdout) as T;
  const status = () => json<Status>('status');
  const done = async (...args: string[]) => {
    const ended = await world.medianest(['firewall', ...args]);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
  };
  /** What `plan` says that a place may reach. */
  const named = async (...groups: string[]) =>
    (await json<Planned>('plan')).ports.filter(({ from }) => from.some((group) => groups.includes(group))).map(({ port }) => port).sort();
  /** Loads and confirms rules. */
  const keep = async (text: string) => {
    world.settings(text);
    await done('apply');
    await done('confirm');
  };
  const fromInternet = (from = 8000, to = 8500) => world.scan('internet', ADDRESSES.internet.host, from, to);
  beforeAll(async () => {
    world = await firewallWorld(PROJECT);
    world.settings(OPEN);
  });
  afterAll(() => world.destroy());

  it('lets each place find exactly the ports that the plan names, and leaves what is not ours alone', async () => {
    expect(await fromInternet(1, 10_000)).toEqual([5432, 8080, 8443, 9999]);
    await done('apply');
    await done('confirm');
    // 9999 is the host's own.
    expect(await fromInternet(1, 10_000)).toEqual([...(await named('everyone')), 9999]);
    expect(await world.scan('lan', ADDRESSES.lan.host)).toEqual([...(await named('everyone', 'lan')), 9999]);
    // Docker's proxy takes these on the host itself, and addresses of IPv6 are no part of `lan`.
    expect(await world.scan('internet', ADDRESSES.internet6.host)).toEqual(await named('everyone'));
    // The stack reaches itself by the host, and strangers with a route reach no container.
    expect(await world.scan('container', ADDRESSES.lan.host, 8000, 8500)).toEqual([8080, 8443]);
    expect(await world.scan('internet', ADDRESSES.container, 3000, 3001)).toEqual([]);
    expect(await world.scan('lan', ADDRESSES.container, 8443, 8443)).toEqual([]);
    expect(await status()).toMatchObject({ state: 'active', drift: [] });
  });
});
