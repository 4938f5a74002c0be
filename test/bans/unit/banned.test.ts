import { describe, expect, it } from 'vitest';
import { answerOf, type Banned, elementsOf, forget, take } from '../../../src/bans/plan/banned.ts';
import { merged, spansOf } from '../../../src/firewall/plan/addresses.ts';
import { bansChanges, bansInKernel } from '../../../src/firewall/plan/bans-table.ts';

const NOW = 5_000_000;
const HOUR = 3600;
const decision = (value: string, duration: string, more: object = {}) => ({ value, duration, scope: 'Ip', type: 'ban', ...more });
const answer = (added: object[] | null, deleted: object[] | null = null) =>
  answerOf(`level=info\n${JSON.stringify({ deleted, new: added })}`) ?? { added: [], ended: [] };
const bannedBy = (...added: object[]): Banned => {
  const banned: Banned = new Map();
  take(banned, answer(added), NOW);
  return banned;
};
const never = merged(spansOf(['127.0.0.0/8', '192.168.0.0/16', '203.0.113.9', '2001:db8:9::/64']));
const texts = (banned: Banned, now = NOW) => elementsOf(banned, never, now, HOUR).elements.map(({ set, text }) => `${set} ${text}`);

describe('what CrowdSec answers', () => {
  it('is bans that are new and bans that ended; what is no ban is left out', () => {
    expect(
      answer([decision('192.0.2.1', '3h59m55.9s'), decision('192.0.2.2', '4h', { type: 'captcha' })], [decision('192.0.2.3', '-1s')]),
    ).toEqual({
      added: [{ value: '192.0.2.1', seconds: 14_395.9 }],
      ended: ['192.0.2.3'],
    });
    expect(answer(null)).toEqual({ added: [], ended: [] });
  });

  it.each(['', 'no answer', '{"deleted":null}', '{"deleted":null,"new":[{"duration":"4h"'])('is none where it was cut: %j', (text) => {
    expect(answerOf(text)).toBeUndefined();
  });
});

describe('the elements of the sets', () => {
  it('are single addresses, IPv6 /64s and ranges, and end after an hour at most', () => {
    const banned = bannedBy(
      decision('192.0.2.1', '4h'),
      decision('192.0.2.2', '90s'),
      decision('2001:db8:1:2:3::4', '4h'),
      decision('198.18.0.0/15', '4h', { scope: 'Range' }),
      decision('2001:db8:5::/48', '4h', { scope: 'Range' }),
      decision('not an address', '4h'),
    );
    expect(elementsOf(banned, never, NOW + 30_000, HOUR)).toEqual({
      leftOut: 0,
      elements: [
        { set: 'v4', text: '192.0.2.1', seconds: HOUR },
        { set: 'v6', text: '2001:db8:1:2::', seconds: HOUR },
        { set: 'ranges_v4', text: '198.18.0.0/15', seconds: HOUR },
        { set: 'ranges_v6', text: '2001:db8:5::/48', seconds: HOUR },
        { set: 'v4', text: '192.0.2.2', seconds: 60 },
      ],
    });
    forget(banned, NOW + 90_000);
    expect(texts(banned, NOW + 90_000)).not.toContain('v4 192.0.2.2');
  });

  it('never hold who is protected, whatever the bans say, forced ones too: ranges are cut around them', () => {
    const banned = bannedBy(
      ...['127.0.0.1', '192.168.4.5', '203.0.113.9', '2001:db8:9::77'].map((value) => decision(value, '4h', { scenario: 'forced: x' })),
      decision('203.0.113.0/28', '4h', { scope: 'Range' }),
      decision('192.168.4.0/24', '4h', { scope: 'Range' }),
    );
    expect(texts(banned)).toEqual(['ranges_v4 203.0.113.0-203.0.113.8', 'ranges_v4 203.0.113.10-203.0.113.15']);
  });

  it('do not overlap: where ranges do, the one that ends last counts', () => {
    const banned = bannedBy(
      decision('198.18.0.0/24', '10m', { scope: 'Range' }),
      decision('198.18.0.128/26', '20m', { scope: 'Range' }),
      decision('198.18.0.0/16', '5m', { scope: 'Range' }),
    );
    expect(elementsOf(banned, never, NOW, HOUR).elements.map(({ text, seconds }) => `${text} ${seconds}`)).toEqual([
      '198.18.0.128/26 1200',
      '198.18.0.0/25 600',
      '198.18.0.192/26 600',
      '198.18.1.0-198.18.255.255 300',
    ]);
  });

  it('leave out those that end first, where there are more than a set holds', () => {
    const many = Array.from({ length: 5 }, (_, n) => decision(`20.0.0.${n}`, n < 2 ? '1m' : '4h'));
    const { elements, leftOut } = elementsOf(bannedBy(...many), never, NOW, HOUR, 3);
    expect([elements.length, leftOut]).toEqual([3, 2]);
    expect(elements.some(({ seconds }) => seconds === 60)).toBe(false);
  });
});

it('an answer touches what is new, longer, or ended before its time', () => {
  const banned = bannedBy(decision('192.0.2.1', '4h'), decision('192.0.2.2', '4h'), decision('192.0.2.3', '5s'));
  const touched = take(
    banned,
    answer([decision('192.0.2.1', '1h'), decision('192.0.2.4', '1h')], [decision('192.0.2.2', '-1s'), decision('192.0.2.9', '-1s')]),
    NOW,
  );
  // The ban of an address that has two lasts as long as the longer one.
  expect([...touched]).toEqual(['v4 192.0.2.2', 'v4 192.0.2.4']);
  expect(texts(banned)).toEqual(['v4 192.0.2.1', 'v4 192.0.2.4', 'v4 192.0.2.3']);
  expect(bansChanges('home', [{ set: 'v4', text: '192.0.2.4', seconds: 9 }], [{ set: 'v4', text: '192.0.2.2' }])).toBe(
    `add element inet medianest-bans_home v4 {
    192.0.2.4 timeout 1s, 192.0.2.2 timeout 1s,
}
delete element inet medianest-bans_home v4 {
    192.0.2.4, 192.0.2.2,
}
add element inet medianest-bans_home v4 {
    192.0.2.4 timeout 9s,
}
`,
  );
});

it('what nft lists of the sets is read in all its forms', () => {
  const elem = (val: unknown) => ({ elem: { val, timeout: 60, expires: 9 } });
  const listing = {
    nftables: [
      { metainfo: {} },
      { set: { name: 'v4', elem: [elem('192.0.2.1')] } },
      { set: { name: 'v6' } },
      { set: { name: 'ranges_v4', elem: [elem({ prefix: { addr: '198.18.0.0', len: 15 } }), elem({ range: ['1.0.0.0', '1.0.0.8'] })] } },
    ],
  };
  expect([...bansInKernel(JSON.stringify(listing))]).toEqual(['v4 192.0.2.1', 'ranges_v4 198.18.0.0/15', 'ranges_v4 1.0.0.0-1.0.0.8']);
});
