import { UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import { endFrom } from '../../core/time.ts';
import { BASTION_ROLES, type BastionRole, NO_PEOPLE } from '../../services/bastion/names.ts';
import type { Factor } from './factor.ts';
import { fingerprintOf, type PublicKey } from './keys.ts';

/** Who may come in by the bastion. Times are ISO 8601, UTC, in whole seconds. */
export interface BastionPerson {
  name: string;
  role: BastionRole;
  /** Undefined for no end. */
  until?: string;
  added: string;
  factor: Factor;
  keys: PublicKey[];
}

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
/** What sshd calls a person that it does not know, and users of the container. */
const RESERVED = ['root', 'bastion', 'sshd', 'nobody', 'unknown'];
const LINE =
  /^([a-z][a-z0-9_-]{0,31})\t(admin|operator)\t(-|\d{14}Z)\t(\d{14}Z)\t([A-Z2-7]{32})\t(\d{8}(?:,\d{8})*)\t([a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}(?:,[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2})*)$/;

/** `2026-11-30T12:00:00Z` <-> `20261130120000Z`, as sshd's `expiry-time` has it. */
const packed = (time: string): string => `${time.replace(/\D/g, '').slice(0, 14)}Z`;
const unpacked = (text: string): string => text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');

/**
 * The text of the secret `bastion-people` -> people. The program `bastion` in the container reads the same lines.
 * @returns undefined where it is damaged: then nothing of it counts
 */
export function peopleIn(text: string): BastionPerson[] | undefined {
  const [head, ...lines] = text.split('\n');
  if (`${head}\n` !== NO_PEOPLE || lines.pop() !== '') return undefined;
  const people = lines.map((line): BastionPerson | undefined => {
    const [, name = '', role, until = '', added = '', secret = '', scratch = '', keys = ''] = LINE.exec(line) ?? [];
    if (role === undefined) return undefined;
    return {
      name,
      role: role as BastionRole,
      ...(until !== '-' && { until: unpacked(until) }),
      added: unpacked(added),
      factor: { secret, scratch: scratch.split(',') },
      keys: keys.split(',').map((key) => {
        const [type = '', blob = ''] = key.split(' ');
        return { type, blob, fingerprint: fingerprintOf(Buffer.from(blob, 'base64')) };
      }),
    };
  });
  const good = people.flatMap((person) => person ?? []);
  return good.length === people.length && new Set(good.map(({ name }) => name)).size === good.length ? good : undefined;
}

/** The same the other way. */
export const textOfPeople = (people: readonly BastionPerson[]): string =>
  NO_PEOPLE +
  people
    .map(({ name, role, until, added, factor, keys }) => {
      const all = keys.map(({ type, blob }) => `${type} ${blob}`).join(',');
      return `${[name, role, until ? packed(until) : '-', packed(added), factor.secret, factor.scratch.join(','), all].join('\t')}\n`;
    })
    .join('');

export const isPast = ({ until }: Pick<BastionPerson, 'until'>, now: Date): boolean =>
  until !== undefined && Date.parse(until) <= now.getTime();

/** @throws UserError USAGE, ALREADY_THERE */
export function withPerson(people: readonly BastionPerson[], person: BastionPerson): BastionPerson[] {
  if (people.some(({ name }) => name === person.name))
    throw new UserError(
      'ALREADY_THERE',
      `${person.name} may come in already; nothing was changed`,
      `medianest bastion remove ${person.name} first`,
    );
  for (const { blob, fingerprint } of person.keys) {
    const other = people.find(({ keys }) => keys.some((key) => key.blob === blob));
    if (other) throw new UserError('USAGE', `--key: ${fingerprint} is the key of ${other.name}`, 'each person has a key of their own');
  }
  return [...people, person].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws UserError USAGE */
export function withoutPerson(people: readonly BastionPerson[], name: string): BastionPerson[] {
  personNamed(people, name);
  return people.filter((person) => person.name !== name);
}

/** @throws UserError USAGE */
export function withFactor(people: readonly BastionPerson[], name: string, factor: Factor): BastionPerson[] {
  personNamed(people, name);
  return people.map((person) => (person.name === name ? { ...person, factor } : person));
}

/** @throws UserError USAGE */
export function personNamed(people: readonly BastionPerson[], name: string): BastionPerson {
  const found = people.find((person) => person.name === name);
  if (found) return found;
  const known = people.map((person) => person.name);
  const near = known.length > 0 ? `; ${didYouMean(name, known)}` : '';
  throw new UserError('USAGE', `${JSON.stringify(name)} is none of those who may come in${near}`, 'medianest bastion list');
}

/** @throws UserError USAGE */
export function nameFrom(text: string): string {
  if (NAME.test(text) && !RESERVED.includes(text)) return text;
  const why = RESERVED.includes(text) ? 'is a name of the container’s own' : 'is no name for the bastion';
  throw new UserError('USAGE', `${JSON.stringify(text)} ${why}`, 'a lower-case letter, then letters, digits, - and _, 32 in all: alice');
}

/** @throws UserError USAGE */
export function roleFrom(text: string | undefined): BastionRole {
  const role = BASTION_ROLES.find((known) => known === (text ?? 'operator'));
  if (role) return role;
  throw new UserError('USAGE', `--role ${text}: should be ${BASTION_ROLES.join(' or ')}`, 'for example --role operator');
}

/** The end of a person's time, to the second. @throws UserError USAGE */
export const untilFrom = (text: string | undefined, now: Date): string | undefined =>
  text === undefined ? undefined : `${endFrom('--until', text, now).toISOString().slice(0, 19)}Z`;
