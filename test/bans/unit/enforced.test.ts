import { describe, expect, it } from 'vitest';
import { differing, type Enforced, enforcedChecks, lasting } from '../../../src/bans/plan/enforced.ts';
import { unitText } from '../../../src/bans/plan/unit.ts';
import { firewallBans } from '../../../src/services/crowdsec/settings/bans-settings.ts';
import { load, stackOf } from '../../support/settings.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const written = (more: Partial<Enforced> = {}) =>
  JSON.stringify({ at: NOW.toISOString(), looked: NOW.toISOString(), count: 3, leftOut: 0, problem: '', logs: '', ...more });
const told = (...[text, compared]: [string | undefined, Parameters<typeof enforcedChecks>[1]?]) =>
  enforcedChecks(text, compared, NOW).map(({ id, status, message }) => `${id} ${status} ${message}`);

describe('health of the bans in the firewall', () => {
  it('is well while they were looked at, and stand in the kernel as CrowdSec has them', () => {
    expect(told(written(), { missing: 0, extra: 0 })).toEqual([
      'crowdsec.firewall ok bans in the firewall: 3 bans in force for all published ports',
    ]);
    // Who may not ask the kernel goes by what was written.
    expect(told(written())).toHaveLength(1);
  });

  it.each([
    ['nothing keeps them', undefined, undefined, 'fail'],
    ['has not looked for 90 s', written({ looked: '2026-11-30T11:58:30Z' }), undefined, 'fail'],
    ['has not looked', 'damaged', undefined, 'fail'],
    ['CrowdSec does not run; they stand as of 2026', written({ problem: 'CrowdSec does not run' }), undefined, 'warn'],
    ['as of before its start', written({ at: null, problem: 'CrowdSec does not run' }), undefined, 'warn'],
    ['not in the kernel', written(), null, 'fail'],
    ['2 are missing there, and 1 are there alone', written(), { missing: 2, extra: 1 }, 'warn'],
    ['7 bans that end first have no place', written({ leftOut: 7 }), { missing: 0, extra: 0 }, 'warn'],
  ] as const)('says: %s', (words, text, compared, status) => {
    expect(told(text, compared)[0]).toMatch(new RegExp(`^crowdsec.firewall ${status} .*${words}`));
  });

  it('tells of a log that cannot be read', () => {
    expect(told(written({ logs: '/var/log/auth.log cannot be read (EACCES)' }))[1]).toContain('crowdsec.hostLogs warn');
  });

  it('counts what stands in one of the two alone at both looks, and no ban that begins or ends meanwhile', () => {
    const first = differing(new Set(['v4 1', 'v4 2', 'v4 3']), new Set(['v4 1', 'v4 9', 'v4 8']));
    expect(first).toEqual({ missing: ['v4 2', 'v4 3'], extra: ['v4 9', 'v4 8'] });
    const second = differing(new Set(['v4 1', 'v4 2', 'v4 3', 'v4 4']), new Set(['v4 1', 'v4 2', 'v4 9', 'v4 7']));
    expect(lasting(first, second)).toEqual({ missing: 1, extra: 1 });
  });
});

describe('settings', () => {
  const enforcedBy = (file: string) => firewallBans(load({ file, flags: { profile: 'dev-compose' } }).settings);

  it('have bans stand in the firewall where both are on, unless they say otherwise', () => {
    expect(enforcedBy('components: { crowdsec: true }\nfirewall: { enabled: true }')).toEqual({ hostPorts: [] });
    expect(enforcedBy('components: { crowdsec: true }\nfirewall: { enabled: true }\nbans: { hostLogs: true, sshPorts: [2222] }')).toEqual({
      hostPorts: [2222],
    });
    expect(enforcedBy('components: { crowdsec: true }\nfirewall: { enabled: true }\nbans: { firewall: false }')).toBeUndefined();
    expect(enforcedBy('components: { crowdsec: true }')).toBeUndefined();
    expect(enforcedBy('firewall: { enabled: true }')).toBeUndefined();
  });

  it('refuse to read logs of the host that nothing would read', () => {
    const file = 'components: { crowdsec: true }\nbans: { hostLogs: true }';
    expect(() => stackOf(load({ file, flags: { profile: 'dev-compose' } }))).toThrow(/needs the firewall/);
    const off = 'components: { crowdsec: true }\nfirewall: { enabled: true }\nbans: { hostLogs: true, firewall: false }';
    expect(() => stackOf(load({ file: off, flags: { profile: 'dev-compose' } }))).toThrow(/bans\.firewall is false/);
    expect(() => load({ file: 'bans: { hostLogs: [auth.log] }' })).toThrow(/absolute/);
  });
});

it('the unit runs as root with the settings of now, whatever stands in its paths', () => {
  const run = {
    program: ['/usr/bin/node', '/opt/a b/medianest.js'],
    options: ['--config=/srv/100%/m.yml'],
    folder: '/srv/100%',
    uid: 1000,
    env: {},
  };
  const text = unitText('home', run);
  expect(text).toContain('ExecStart="/usr/bin/node" "/opt/a b/medianest.js" "bans" "enforce" "--config=/srv/100%%/m.yml"\n');
  expect(text).toContain('WorkingDirectory=/srv/100%%\n');
  expect(text).not.toContain('User=');
});
