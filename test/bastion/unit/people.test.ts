import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newFactor, otpauthOf } from '../../../src/bastion/plan/factor.ts';
import { hostKeyOf, sshString } from '../../../src/bastion/plan/host-key.ts';
import { publicKeysIn } from '../../../src/bastion/plan/keys.ts';
import {
  type BastionPerson,
  isPast,
  nameFrom,
  peopleIn,
  roleFrom,
  textOfPeople,
  untilFrom,
  withFactor,
  withoutPerson,
  withPerson,
} from '../../../src/bastion/plan/people.ts';
import { totp } from '../../support/sign-on/visitor.ts';

/** A key as ssh-keygen writes it. */
const ed25519 = (length = 32): string =>
  `ssh-ed25519 ${Buffer.concat([sshString('ssh-ed25519'), sshString(randomBytes(length))]).toString('base64')}`;

function rsa(bits: number): string {
  const { n = '', e = '' } = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });
  const number = (text: string) => sshString(Buffer.concat([Buffer.from([0]), Buffer.from(text, 'base64url')]));
  return `ssh-rsa ${Buffer.concat([sshString('ssh-rsa'), sshString(Buffer.from(e, 'base64url')), number(n)]).toString('base64')}`;
}

const person = (name: string, more: Partial<BastionPerson> = {}): BastionPerson => ({
  name,
  role: 'operator',
  added: '2026-11-30T12:00:00Z',
  factor: newFactor(randomBytes),
  keys: publicKeysIn(ed25519()),
  ...more,
});

describe('public keys', () => {
  it('are read without comments and empty lines', () => {
    const [one, two] = [ed25519(), ed25519()];
    const keys = publicKeysIn(`# mine\r\n${one} alice@laptop\r\n\n${two}\n`);
    expect(keys.map(({ type, blob }) => `${type} ${blob}`)).toEqual([one, two]);
    expect(keys[0]?.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(publicKeysIn(rsa(3072))).toHaveLength(1);
  });

  it('are refused with options, of weak or unknown kinds, damaged, or private', () => {
    const key = ed25519();
    const ca = key.replace('ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com');
    const refused: [string, RegExp][] = [
      [`command="/bin/sh" ${key}`, /options/],
      [`permitopen="db:22",no-pty ${key}`, /options/],
      [`cert-authority ${key}`, /options/],
      [ca, /no type/],
      [`ssh-dss ${key.split(' ')[1]}`, /no type/],
      [key.replace('ssh-ed25519', 'ssh-rsa'), /no ssh-rsa/],
      [ed25519(31), /too short/],
      [`${key.slice(0, -8)}`, /damaged/],
      [`${key}!`, /base64/],
      ['ssh-ed25519', /base64|damaged/],
      [rsa(2048), /2048 bits/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\nabc', /private/],
      ['', /no public key/],
      [`${key}\n${key}`, /twice/],
      [Array.from({ length: 9 }, () => ed25519()).join('\n'), /9 keys/],
      ['x'.repeat(40_000), /too long/],
    ];
    for (const [text, why] of refused) expect(() => publicKeysIn(text), text.slice(0, 60)).toThrow(why);
  });
});

describe('people', () => {
  it('are the same once written and read', () => {
    const people = [
      person('alice', { role: 'admin', keys: publicKeysIn(`${ed25519()}\n${rsa(3072)}`) }),
      person('bob', { until: '2027-01-31T23:59:59Z' }),
    ];
    expect(peopleIn(textOfPeople(people))).toEqual(people);
    expect(peopleIn(textOfPeople([]))).toEqual([]);
  });

  it('count as none at all where a line is damaged', () => {
    const good = textOfPeople([person('alice'), person('bob')]);
    const spoilt = [
      '',
      'x',
      good.replace('medianest-bastion 1', 'medianest-bastion 2'),
      good.trimEnd(),
      good.slice(0, -20),
      good.replace('operator', 'root'),
      good.replace('alice', 'al ice'),
      good.replace('bob', 'alice'),
      good.replace(/\t-\t/, '\tnever\t'),
      good.replace(/[A-Z2-7]{32}/, 'A'),
      `${good}\n`,
    ];
    for (const text of spoilt) expect(peopleIn(text), text).toBeUndefined();
  });

  it('are added once, each with a key of their own, and in order', () => {
    const [alice, bob] = [person('alice'), person('bob')];
    const people = withPerson(withPerson([], bob), alice);
    expect(people.map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(() => withPerson(people, person('bob'))).toThrow(/already/);
    expect(() => withPerson(people, person('carol', { keys: alice.keys }))).toThrow(/key of alice/);
    expect(withoutPerson(people, 'alice')).toEqual([bob]);
    expect(() => withoutPerson(people, 'alise')).toThrow(/none of those who may come in; .*alice/);
    const factor = newFactor(randomBytes);
    expect(withFactor(people, 'bob', factor)[1]).toEqual({ ...bob, factor });
  });

  it('have names that mean nothing to sshd, a shell or a file system', () => {
    expect(nameFrom('alice_2-b')).toBe('alice_2-b');
    for (const name of ['', 'Alice', '-rf', '../x', 'a b', 'a\nb', 'root', 'unknown', 'sshd', 'a'.repeat(33), 'a%u', 'a,b', '*'])
      expect(() => nameFrom(name), name).toThrow();
    expect(roleFrom(undefined)).toBe('operator');
    expect(() => roleFrom('member')).toThrow(/admin or operator/);
  });

  it('come in until the end of a day, or a moment', () => {
    const now = new Date('2026-11-30T12:00:00Z');
    const until = (text: string) => untilFrom(text, now);
    expect(until('2026-11-30')).toBe('2026-12-01T00:00:00Z');
    expect(until('2026-12-01 10:00+02:00')).toBe('2026-12-01T08:00:00Z');
    for (const text of ['2026-11-29', '2026-02-30', 'tomorrow', '2026-12-01 10:00']) expect(() => until(text), text).toThrow();
    expect(isPast({ until: '2026-11-30T12:00:00Z' }, now)).toBe(true);
    expect([isPast({ until: '2026-11-30T12:00:01Z' }, now), isPast({}, now)]).toEqual([false, false]);
  });
});

describe('a second factor', () => {
  it('is 160 bits in base32 with five codes of eight digits, and makes the codes of RFC 6238', () => {
    const { secret, scratch } = newFactor(randomBytes);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(scratch).toHaveLength(5);
    for (const code of scratch) expect(code).toMatch(/^[1-9]\d{7}$/);
    const known = newFactor((bytes) => Buffer.from('12345678901234567890').subarray(0, bytes));
    expect(totp(known.secret, 59_000)).toBe('287082');
    expect(otpauthOf('home%20bastion', 'alice', secret)).toBe(`otpauth://totp/home%20bastion:alice?secret=${secret}&issuer=home%20bastion`);
  });
});

it('a host key is made of its seed, as sshd makes it', () => {
  // The seed is 32 times `a`; ssh-keygen -y of OpenSSH 10.0 and the container's way of making the file give this.
  const key = hostKeyOf('YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE');
  expect(key).toEqual({
    line: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8Go+MpFxTk81bBnJsVzRlR7G5mYqp3vgdUfyiTgzQd',
    fingerprint: 'SHA256:MEflzmy6hlCyjCwUMWY05BP0w/ypa9ng2gm4h3GQCFM',
  });
  expect([hostKeyOf(''), hostKeyOf('YWFh')]).toEqual([undefined, undefined]);
});
