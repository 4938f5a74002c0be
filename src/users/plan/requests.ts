import { UserError } from '../../core/errors.ts';
import { ROLES } from '../../services/sign-on/settings/roles.ts';

/** What the program `users` in the container of the identity provider takes, by its command. */
export interface Request {
  command:
    | 'list'
    | 'first'
    | 'invite'
    | 'add'
    | 'set'
    | 'remove'
    | 'reset'
    | 'groups'
    | 'mail-test'
    | 'sessions'
    | 'session-end'
    | 'tokens'
    | 'token-add'
    | 'token-remove';
  /** The first characters of a session's hashed id. */
  session?: string;
  /** The name of a token. */
  token?: string;
  /** ISO 8601. */
  until?: string;
  paths?: readonly string[];
  login?: string;
  name?: string;
  email?: string;
  groups?: readonly string[];
  add?: readonly string[];
  remove?: readonly string[];
  hours?: number;
  factorsOnly?: boolean;
  /** The link is mailed to the user, and not answered. */
  mail?: boolean;
}

export interface User {
  login: string;
  name: string;
  email: string;
  groups: string[];
  /** A password is set. */
  password: boolean;
  /** Kinds of second factors: `totp`, `webauthn`. */
  factors: string[];
  /** How many sessions there are. */
  sessions: number;
  /** Counts changes. */
  version: number;
  /** The password and groups are an LDAP's or a provider's; absent for users of medianest's own. */
  source?: 'ldap' | 'provider';
  /** The providers by which the user may sign in; absent without one. */
  providers?: string[];
  /** Until when an invitation is good (ISO 8601, UTC); absent without one. */
  invitedUntil?: string;
}

/** A link that sets a password, once. */
export interface Invitation {
  login: string;
  token: string;
  /** ISO 8601, UTC. */
  expires: string;
}

/** How the identity provider gets on with a server outside. */
export interface ServerState {
  /** When it last asked (ISO 8601, UTC); absent where it cannot tell. */
  checked?: string;
  /** Why that failed; null where it did not. */
  problem?: string | null;
}

/** What the identity provider says of itself. */
export interface SignOnState {
  users: User[];
  /** The mail server, and how many mails wait; absent without one. */
  mail?: ServerState & { waiting: number };
  /** The LDAP; absent without one. */
  ldap?: ServerState;
  /** The providers, by name; absent without one. */
  providers?: Record<string, ServerState>;
}

/** What became of a link that was to be mailed. */
export interface Mailed {
  /** The address; absent where it was not sent. */
  mailed?: string;
  /** Why not. */
  mailProblem?: string;
}

const GROUP = /^[a-z][a-z0-9_-]{0,31}$/;

/** Names of groups as they are typed: `member,family`. @throws UserError USAGE */
export function groupsFrom(text: unknown, option: string): string[] {
  if (text === undefined) return [];
  const names = String(text)
    .split(',')
    .map((name) => name.trim());
  const bad = names.find((name) => !GROUP.test(name));
  if (bad === undefined) return [...new Set(names)];
  throw new UserError(
    'USAGE',
    `${option}: ${JSON.stringify(bad)} is no group`,
    `name roles (${ROLES.join(', ')}) or groups of your own, such as member,family`,
  );
}

/** Hours as they are typed: `48`. @throws UserError USAGE */
export function hoursFrom(text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise;
  const hours = Number(text);
  if (Number.isInteger(hours) && hours >= 1 && hours <= 720) return hours;
  throw new UserError('USAGE', `--hours ${String(text)}: should be a number from 1 to 720`, 'for example --hours 48');
}

/** The arguments of that program. */
export const argvOf = ({ command, ...asked }: Request): string[] => ['users', command, JSON.stringify(asked)];

/** Whether someone, or a program with a token, may less than before, and no other may more. */
export const removesAccess = ({ command, add = [] }: Request): boolean =>
  ['remove', 'reset', 'session-end', 'token-remove'].includes(command) || (command === 'groups' && add.length === 0);

/** The command as the audit log names it: `users token add backup-script`. */
export function wordsOf({ command, login, token }: Request): string {
  if (command === 'first') return 'up';
  const name = token ?? login;
  return ['users', command.replace('token-', 'token ').replace('session-end', 'sessions'), ...(name ? [name] : [])].join(' ');
}

/**
 * What that program has said.
 * @throws UserError USERS_REFUSED with its reason where it refused, NOT_RUNNING where its database does not answer
 */
export function answerOf<T>({ exitCode, output }: { exitCode: number; output: string }): T {
  const lines = output.trim().split('\n');
  const said = parsed(lines.find((line) => line.startsWith('{')) ?? '');
  if (exitCode === 0 && said) return said as T;
  if (said && 'error' in said) {
    const { code, message } = said.error as { code: string; message: string };
    if (/^(NO_MAIL|MAIL_REFUSED)$/.test(code)) throw new UserError('MAIL_REFUSED', message, 'correct `signOn.mail`, then medianest up');
    throw new UserError('USERS_REFUSED', `${message}; nothing was changed`, '`medianest users list` shows who there is');
  }
  const reason = (lines.at(-1) ?? '').replace(/^users: /, '').slice(0, 300);
  throw new UserError(
    'NOT_RUNNING',
    `the users cannot be read or changed: ${reason || `the identity provider ended with ${exitCode}`}`,
    '`medianest health` shows whether the database and the identity provider answer',
  );
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The link that an invited person opens. @param portal the portal's address, which ends in / */
export const linkOf = (portal: string, { token }: Pick<Invitation, 'token'>): string => `${portal}auth/invitation?token=${token}`;
