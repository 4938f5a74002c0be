import type { Check } from '../../capability/check.ts';
import { UserError } from '../../core/errors.ts';
import { WITH_SECOND_FACTOR } from '../../services/sign-on/settings/roles.ts';
import type { MailState, User } from './requests.ts';

/** Where the portal is published, and who may come in. */
export interface Openness {
  access: unknown;
  addresses: readonly string[];
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** Why strangers see everything, where `edge.access: none` says so and others than this host can reach the portal; undefined otherwise. */
export function openToAll({ access, addresses }: Openness): string | undefined {
  const reached = addresses.filter((address) => !isLoopback(address));
  if (access !== 'none' || reached.length === 0) return undefined;
  return `visitors do not sign in (edge.access: none), and the portal is published on ${reached.join(', ')}: everyone who reaches it sees everything`;
}

/** A user's state as `users list` shows it. */
export function stateOf(user: User): string {
  if (user.invitedUntil) return `invited until ${user.invitedUntil}`;
  if (!user.password) return 'cannot sign in';
  const needs = WITH_SECOND_FACTOR.some((role) => user.groups.includes(role));
  return needs && user.factors.length === 0 ? 'sets up a second factor at the next sign-in' : 'ok';
}

/** What `health` says of the users, or of why they could not be read. */
export function userChecks(found: readonly User[] | UserError): Check[] {
  const id = 'sign-on';
  if (found instanceof UserError) return [{ id, status: 'fail', message: `sign-on: ${found.message}`, remedy: found.hint }];
  const admins = found.filter(({ groups }) => groups.includes('admin'));
  if (admins.some(({ password, factors }) => password && factors.length > 0))
    return [{ id, status: 'ok', message: `sign-on: ${found.length} users, ${admins.length} of them admins` }];
  const [first] = admins;
  if (first?.invitedUntil)
    return [
      {
        id,
        status: 'warn',
        message: `sign-on: no admin has signed in yet; ${first.login} is invited until ${first.invitedUntil}`,
        remedy: 'open the link that `up` printed',
      },
    ];
  return [
    {
      id,
      status: 'warn',
      message: 'sign-on: no admin can sign in with a second factor',
      remedy: first ? `medianest users reset ${first.login}` : 'medianest users invite NAME --groups admin',
    },
  ];
}

/** The mail server is asked every ten minutes: what is older than this says that it is not. */
const STALE_MS = 30 * 60_000;

/** What `health` says of the mail server; nothing without one. */
export function mailChecks(mail: MailState | undefined, now: Date): Check[] {
  if (!mail) return [];
  const id = 'sign-on.mail';
  const waiting = mail.waiting > 0 ? `; ${mail.waiting} mail${mail.waiting === 1 ? ' waits' : 's wait'}` : '';
  if (mail.problem) {
    const message = `sign-on: ${mail.problem}${waiting}; no links for passwords are sent`;
    return [
      { id, status: 'warn', message, remedy: 'correct `signOn.mail`, or see to the server; medianest users mail-test ADDRESS tries it' },
    ];
  }
  if (mail.checked === undefined || now.getTime() - Date.parse(mail.checked) > STALE_MS) {
    const message = `sign-on: whether the mail server takes mail is not known${waiting}`;
    return [{ id, status: 'warn', message, remedy: '`medianest logs sign-on` tells more; medianest users mail-test ADDRESS tries it' }];
  }
  return [{ id, status: 'ok', message: `sign-on: the mail server takes mail${waiting}` }];
}
