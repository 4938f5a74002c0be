import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { rotation } from '../../../src/secrets/plan/rotation.ts';
import { resolveStackSecrets, type StoredSecrets } from '../../../src/secrets/plan/secrets.ts';
import { applyOverrides, type Overrides } from '../../../src/stack/overrides.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { load, stackOf } from '../../support/settings.ts';

const prod = (file = '', overrides: Overrides = {}) => stackOf(load({ file, flags: { profile: 'prod' } }), undefined, undefined, overrides);
const PAIRS = ['database-password', 'redis-password', 'etcd-password'];
const SINGLE = [
  'patroni-rest-password',
  'replication-password',
  'rewind-password',
  'etcd-root-password',
  'etcd-fencer-password',
  'redis-keeper-password',
  'sign-on-assertion-key',
  'sign-on-database-password',
  'redis-replication-password',
  'database-monitor-password',
  'redis-monitor-password',
];

function refusal(act: () => unknown): UserError {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** Carries a rotation out on values alone; after each round: what holds, and what its users come with. */
function carryOut(name: string, overrides: Overrides) {
  let stack = prod('', overrides);
  const { group } = stack.secrets.find(({ slot, name: own }) => slot && own.startsWith(name))?.slot ?? { group: '' };
  let counter = 0;
  const random = () => `value-${++counter}`;
  let stored: StoredSecrets = resolveStackSecrets(stack.secrets, undefined, random, '').store;
  const value = (slot: string) => stored.values[`${name}-${slot}`]?.value;
  const used = (of: Stack) => of.overrides.credentials?.[group] ?? 'a';
  const before = [value('a'), value('b')];
  const rounds = rotation(stack, name).map((round) => {
    // Members take what is new before their users come with it: in between these come with what they were given before.
    const comesWith = value(used(stack));
    stored = resolveStackSecrets(stack.secrets, stored, random, '', round.renew).store;
    const holds = [value('a'), value('b')].includes(comesWith);
    stack = prod('', round.overrides?.(stack.overrides) ?? stack.overrides);
    return { holds, inUse: used(stack) };
  });
  return { rounds, before, after: [value('a'), value('b')] };
}

describe('a secret of which two hold at the same time', () => {
  it.each(
    PAIRS.flatMap((name) => [
      { name, first: 'a' as const },
      { name, first: 'b' as const },
    ]),
  )('$name, with $first in use: at every moment what is in use holds, and at last neither old one does', ({ name, first }) => {
    const groups = { 'database-password': 'database', 'redis-password': 'cache', 'etcd-password': 'coordination' };
    const { rounds, before, after } = carryOut(name, { credentials: { [groups[name as keyof typeof groups]]: first } });
    const other = first === 'a' ? 'b' : 'a';
    expect(rounds).toEqual([
      { holds: true, inUse: first },
      { holds: true, inUse: other },
      { holds: true, inUse: other },
    ]);
    expect(before.filter((value) => after.includes(value))).toEqual([]);
  });
  it('leaves what else was ordered, and the other pairs, alone', () => {
    const overrides: Overrides = { credentials: { cache: 'b' }, replicas: { count: 4, instead: 3 } };
    const [, taken] = rotation(prod('', overrides), 'database-password');
    expect(taken?.overrides?.(overrides)).toEqual({ credentials: { cache: 'b', database: 'b' }, replicas: { count: 4, instead: 3 } });
    const { settings } = load({ flags: { profile: 'prod' } });
    expect(applyOverrides(settings, { credentials: { cache: 'b' } }, () => '').overrides).toEqual({ credentials: { cache: 'b' } });
  });
  it('says each round', () => {
    expect(rotation(prod(), 'redis-password').map(({ says }) => says)).toEqual([
      'redis-password-b, which is idle, is replaced',
      'redis-password-b is taken into use',
      'redis-password-a, the old one, is replaced',
    ]);
  });
  it.each(PAIRS)('%s-a alone is refused: it may be the one in use', (name) => {
    const error = refusal(() => rotation(prod(), `${name}-a`));
    expect([error.code, error.message, error.hint]).toEqual(['USAGE', expect.stringContaining(`${name}-a`), expect.stringContaining(name)]);
  });
});

describe('a secret that is one alone', () => {
  it.each(SINGLE)('%s is replaced at once', (name) => {
    expect(rotation(prod(), name)).toEqual([{ renew: [name], says: `${name} is replaced` }]);
  });
  it('every generated secret of prod can be rotated, but for what opens the backups', () => {
    const names = prod()
      .secrets.filter(({ source, encrypts }) => 'generate' in source && !encrypts)
      .map(({ name, slot }) => (slot ? name.slice(0, -2) : name));
    expect([...new Set(names)].sort()).toEqual([...PAIRS, ...SINGLE].sort());
    expect(names.every((name) => rotation(prod(), name).length > 0)).toBe(true);
  });
});

describe('refused, naming what to do instead', () => {
  it.each([
    ['what there is not', '', 'database-pasword', /no secret "database-pasword"/, /one of .*database-password.*redis-password/],
    ['what is composed', '', 'database-url', /database-url is composed/, /^rotate database-password$/],
    ['what opens the backups', '', 'backup-files-key', /encrypts the backups of the files/, /backup keys rotate/],
    ['the VPN’s key', 'components: { vpn: true }', 'vpn-private-key', /known to other devices/, /^medianest vpn rotate$/],
    ['a password that the operator gives', 'database: { password: mine }', 'database-password', /given by you/, /medianest\.yml/],
  ])('%s', (_what, file, name, message, hint) => {
    const error = refusal(() => rotation(prod(file), name));
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
  });
});
