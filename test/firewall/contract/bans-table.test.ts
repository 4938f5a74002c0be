import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Banned, elementsOf, take } from '../../../src/bans/plan/banned.ts';
import { merged, spansOf } from '../../../src/firewall/plan/addresses.ts';
import { bansChanges, bansInKernel, bansRuleset, bansTableOf } from '../../../src/firewall/plan/bans-table.ts';
import { policyOf } from '../../../src/firewall/plan/policy.ts';
import { run } from '../../support/cli.ts';
import { ADDRESSES } from '../../support/network/firewall-world.ts';
import { load, stackOf } from '../../support/settings.ts';
import { type Driver, drive, OPEN } from './driver.ts';

const PROJECT = 'fw-bantable';
const ON = `components: { crowdsec: true }\n${OPEN}`;
const NEVER = merged(spansOf(['192.168.77.0/24', '198.51.100.1']));

describe('the table of bans', { timeout: 60_000 }, () => {
  let host: Driver;
  const loaded = load({ file: `version: 1\nproject: ${PROJECT}\n${OPEN}` });
  const policy = policyOf({
    settings: loaded.settings.firewall,
    edge: { operators: [], trustedProxies: [] },
    stack: stackOf(loaded),
    lists: {},
    bans: { hostPorts: [9999] },
  });
  const elements = (...values: string[]) => {
    const banned: Banned = new Map();
    take(banned, { added: values.map((value) => ({ value, seconds: 7200 })), ended: [] }, 0);
    return elementsOf(banned, NEVER, 0, 3600).elements;
  };
  const nft = async (text: string) => {
    const [program = '', ...args] = host.command('host', ['nft', '-f', '-']);
    const ended = await run(program, args, { input: text });
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
  };
  const keys = (...values: string[]) => new Set(elements(...values).map(({ set, text }) => `${set} ${text}`));
  const inKernel = async () => bansInKernel(await host.nft('-j', 'list', 'table', 'inet', bansTableOf(PROJECT)));
  const seen = async () => [
    [...(await host.fromInternet(8400, 8500)), ...(await host.fromInternet(9999, 9999))],
    await host.scan('internet', ADDRESSES.internet6.host, 8443, 8443),
    await host.scan('lan', ADDRESSES.lan.host, 8443, 8443),
  ];

  beforeAll(async () => {
    host = await drive(PROJECT);
    await host.keep(ON);
  });
  afterAll(() => host?.destroy());

  it('refuses single addresses, /64s and ranges at each port, whatever the rules allow, and never the LAN', async () => {
    expect(await seen()).toEqual([[8443, 9999], [8443], [8443]]);
    const banned = [ADDRESSES.internet.own, '2001:db8:1::77', '192.168.0.0/16', '198.18.0.0/15'];
    await nft(bansRuleset(policy, elements(...banned)));
    expect(await seen()).toEqual([[], [], [8443]]);
    expect(await inKernel()).toEqual(keys(...banned));
    expect(await host.status()).toMatchObject({ state: 'active', drift: [] });
    await host.done('apply');
    expect(await inKernel()).toEqual(keys(...banned));
    await nft(bansRuleset(policy, elements('203.0.113.0/24', '2001:db8::/32')));
    expect(await seen()).toEqual([[], [], [8443]]);
    // Rules that are tried beside it, and kept, leave it alone; without CrowdSec it goes.
    host.settings(ON.replace('everyone }', 'lan }'));
    await host.done('apply', '--for', '30');
    expect((await seen())[0]).toEqual([]);
    await host.keep(OPEN);
    expect(await host.nft('list', 'tables')).not.toContain('medianest-bans_');
  });

  it('changes by elements that may have ended meanwhile, or be there already', async () => {
    await nft(bansRuleset(policy, elements(ADDRESSES.internet.own, '198.18.0.1')));
    const [again, fresh] = elements('198.18.0.1', '198.18.0.2');
    if (!again || !fresh) throw new Error('there are two');
    await nft(
      bansChanges(
        PROJECT,
        [again, fresh],
        [
          { set: 'v4', text: ADDRESSES.internet.own },
          { set: 'v4', text: '198.18.0.99' },
        ],
      ),
    );
    expect(await inKernel()).toEqual(keys('198.18.0.1', '198.18.0.2'));
    expect(await host.fromInternet()).toEqual([8443]);
    await nft(bansRuleset(policy, [{ set: 'v4', text: ADDRESSES.internet.own, seconds: 2 }]));
    expect(await host.fromInternet()).toEqual([]);
    // Its writer is dead: the kernel ends it.
    await host.opens([8443]);
  });

  it('takes 50,000 bans in one transaction, within seconds', async () => {
    const many = Array.from({ length: 50_000 }, (_, n) => `${20 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.${(n * 7) % 250}`);
    const started = performance.now();
    await nft(bansRuleset(policy, elements(...many, ADDRESSES.internet.own)));
    const took = performance.now() - started;
    console.log(`50,000 bans loaded in ${Math.round(took)} ms`);
    expect(took).toBeLessThan(10_000);
    expect((await inKernel()).size).toBe(50_001);
    expect(await host.fromInternet()).toEqual([]);
  });
});
