import { describe, expect, it } from 'vitest';
import { canonicalListing, secondsLeft } from '../../../src/firewall/plan/listing.ts';
import { bootOf, bootUnit } from '../../../src/firewall/plan/unit.ts';
import { type Found, firewallChecks, verdict } from '../../../src/firewall/plan/verdict.ts';

const kept = { text: 'rules', at: '2026-11-30T00:00:00.000Z' };
const found = (more: Partial<Found> = {}): Found => ({
  enabled: true,
  wanted: 'rules',
  confirmed: kept,
  trial: undefined,
  kernel: { table: 'as confirmed', trialLeft: 0 },
  ungoverned: [],
  boot: 'installed',
  ...more,
});

describe('the verdict', () => {
  it.each<[string, Partial<Found>, string, RegExp | undefined, string | undefined]>([
    ['all is well', {}, 'active', undefined, 'ok'],
    ['flushed', { kernel: { table: 'absent', trialLeft: 0 } }, 'gone', /another program has removed/, 'fail'],
    ['changed', { kernel: { table: 'changed', trialLeft: 0 } }, 'changed', /not those that were confirmed/, 'fail'],
    ['not ours', { confirmed: undefined, kernel: { table: 'unconfirmed', trialLeft: 0 } }, 'changed', /does not know/, 'fail'],
    ['other settings', { wanted: 'others' }, 'active', /have changed since/, 'warn'],
    ['a new port', { ungoverned: ['5432'] }, 'active', /1 published port without a rule: 5432/, 'warn'],
    ['no unit', { boot: 'missing' }, 'active', /systemd does not load/, 'warn'],
    ['a unit that does not run', { boot: 'stopped' }, 'active', /does not run/, 'warn'],
    ['no systemd', { boot: undefined }, 'active', undefined, 'ok'],
    ['the engine away', { ungoverned: undefined }, 'active', undefined, 'ok'],
    ['tried', { trial: kept, kernel: { table: 'as confirmed', trialLeft: 7 } }, 'trial', undefined, 'warn'],
    ['not confirmed', { trial: kept }, 'active', /were not confirmed/, 'warn'],
    [
      'asked for and never applied',
      { confirmed: undefined, kernel: { table: 'absent', trialLeft: 0 } },
      'off',
      /no rules are loaded/,
      'fail',
    ],
    ['switched off and loaded', { enabled: false }, 'active', /enabled is false/, 'warn'],
    ['off', { enabled: false, confirmed: undefined, kernel: { table: 'absent', trialLeft: 0 } }, 'off', undefined, undefined],
    ['unreadable, and never confirmed', { confirmed: undefined, kernel: undefined, unread: 'nft failed' }, 'unknown', undefined, 'warn'],
    ['unreadable', { kernel: undefined, unread: 'only root can read them' }, 'unknown', undefined, 'warn'],
  ])('%s', (_name, more, state, drift, status) => {
    const seen = verdict(found(more));
    expect(seen.state).toBe(state);
    if (drift) expect(seen.drift.join('; ')).toMatch(drift);
    else expect(seen.drift).toEqual([]);
    const [check] = firewallChecks(found(more));
    expect(check?.status).toBe(status);
    if (status === 'warn' || status === 'fail') expect(check?.remedy).toMatch(/^sudo medianest /);
  });
});

describe('what nft prints', () => {
  const listing = (elements: string) => `table inet medianest_x {
\tset rate_v4 {
\t\ttype ipv4_addr
\t\tflags dynamic,timeout
${elements}\t}

\tset lan_v4 {
\t\ttype ipv4_addr
\t\telements = { 10.0.0.0/8,
\t\t\t     192.168.0.0/16 }
\t}
}
`;
  it('is the same whatever addresses were counted, and keeps the elements of other sets', () => {
    const counted = listing('\t\telements = { 192.0.2.1 limit rate over 50/second,\n\t\t\t     192.0.2.2 limit rate over 50/second }\n');
    expect(canonicalListing(counted)).toBe(canonicalListing(listing('')));
    expect(canonicalListing(counted)).toContain('192.168.0.0/16');
  });
  it('says how long a trial has left', () => {
    const json = (elem: string) => `{"nftables": [{"metainfo": {}}, {"set": {"name": "trial"${elem}}}]}`;
    expect(secondsLeft(json(', "elem": [{"elem": {"val": "ipv4", "timeout": 60, "expires": 41}}]'))).toBe(42);
    expect(secondsLeft(json(''))).toBe(0);
  });
});

it('the unit loads root’s own file before any network is up, and again when its table is gone', () => {
  expect(bootUnit('media', '/usr/sbin/nft', 'medianest_media')).toMatchInlineSnapshot(`
    "[Unit]
    Description=MediaNest media: rules of the firewall
    Documentation=man:nft(8)
    DefaultDependencies=no
    Wants=network-pre.target
    After=local-fs.target nftables.service
    Before=network-pre.target docker.service shutdown.target
    Conflicts=shutdown.target

    [Service]
    ExecStartPre=/usr/sbin/nft -f /etc/medianest/firewall-media.nft
    ExecStart=/bin/sh -c '/usr/sbin/nft monitor tables | while read -r event; do /usr/sbin/nft -t list table inet medianest_media >/dev/null 2>&1 || /usr/sbin/nft -f /etc/medianest/firewall-media.nft; done'
    Restart=always
    RestartSec=5

    [Install]
    WantedBy=sysinit.target
    "
  `);
});

it.each([
  ['same', 'ActiveState=active\nUnitFileState=enabled\n', 'installed'],
  ['same', 'ActiveState=activating\nSubState=start-pre\nUnitFileState=enabled\n', 'installed'],
  ['same', 'ActiveState=activating\nSubState=auto-restart\nUnitFileState=enabled\n', 'stopped'],
  ['same', 'ActiveState=failed\nUnitFileState=enabled\n', 'stopped'],
  ['same', 'ActiveState=inactive\nUnitFileState=masked\n', 'missing'],
  ['same', 'ActiveState=active\nUnitFileState=disabled\n', 'missing'],
  ['other', 'ActiveState=active\nUnitFileState=enabled\n', 'missing'],
  ['same', undefined, 'installed'],
] as const)('of %s files, and systemd that says %j, the rules are %s', (files, shown, boot) => {
  expect(bootOf(files, shown)).toBe(boot);
});
