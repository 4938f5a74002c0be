import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rotation } from '../../../src/secrets/plan/rotation.ts';
import { resolveStackSecrets } from '../../../src/secrets/plan/secrets.ts';
import { BASTION_SECRETS, HOST_KEY, NO_PEOPLE, PEOPLE } from '../../../src/services/bastion/names.ts';
import { load, stackOf } from '../../support/settings.ts';

const random = (bytes: number) => randomBytes(bytes).toString('base64url');
const resolve = (...[stored, renew]: [Parameters<typeof resolveStackSecrets>[1], string[]?]) =>
  resolveStackSecrets(BASTION_SECRETS, stored, random, '2026-11-30T00:00:00Z', renew);

describe('the people as a secret', () => {
  it('begin as none, and stay as a command has left them', () => {
    const first = resolve(undefined);
    expect(first.values[PEOPLE]?.reveal()).toBe(NO_PEOPLE);
    const changed = { ...first.store, values: { ...first.store.values, [PEOPLE]: { value: 'x', origin: 'given' as const, since: '' } } };
    const again = resolve(changed, [PEOPLE]);
    expect([again.values[PEOPLE]?.reveal(), again.changed]).toEqual(['x', []]);
    expect(again.fingerprints[PEOPLE]).not.toBe(first.fingerprints[PEOPLE]);
    expect(again.fingerprints[HOST_KEY]).toBe(first.fingerprints[HOST_KEY]);
    // An empty text is damaged, and not the same as none.
    const empty = { ...first.store, values: { ...first.store.values, [PEOPLE]: { value: '', origin: 'given' as const, since: '' } } };
    expect(resolve(empty).values[PEOPLE]?.reveal()).toBe('');
  });

  it('cannot be rotated, and the host key can', () => {
    const stack = stackOf(load({ flags: { profile: 'dev-compose' }, file: 'components: { bastion: true }\n' }));
    expect(() => rotation(stack, PEOPLE)).toThrow(/written by commands of its own/);
    expect(rotation(stack, HOST_KEY)).toEqual([{ renew: [HOST_KEY], says: 'bastion-host-key is replaced' }]);
  });
});
