import { UserError } from '../../core/errors.ts';
import { endFrom } from '../../core/time.ts';
import { groupsFrom } from './requests.ts';

/** An API token, as `users token list` shows it: never with the token itself. */
export interface Token {
  name: string;
  /** It stands for this user, with the groups that the user has; null for a token with roles of its own. */
  user: string | null;
  roles: string[];
  /** Starts of the paths that it is good for; none for all that its roles may see. */
  paths: string[];
  /** ISO 8601, UTC; so is `until`. */
  created: string;
  until: string;
  ended: boolean;
}

const MOST_DAYS = 731;
const DAY_MS = 86_400_000;
/**
 * When a token ends.
 * @returns ISO 8601, UTC @throws UserError USAGE for what is no such time, over, or more than two years away
 */
export function untilFrom(text: string | undefined, now: Date): string {
  const hint = 'for example --until 2027-06-30, or --until 2027-06-30T12:00Z';
  if (text === undefined) throw new UserError('USAGE', 'a token needs --until: the day on which it ends', hint);
  const until = endFrom('--until', text, now);
  if (until.getTime() <= now.getTime() + MOST_DAYS * DAY_MS) return until.toISOString();
  throw new UserError('USAGE', `--until ${text}: a token is good for two years at most`, hint);
}

/** Starts of paths as they are typed: `/api/films,/share/`. @throws UserError USAGE */
export function pathsFrom(text: unknown): string[] {
  if (text === undefined) return [];
  const paths = String(text)
    .split(',')
    .map((path) => path.trim());
  const bad = paths.find((path) => !/^\/[\w.~/@+-]*$/.test(path));
  if (bad === undefined) return [...new Set(paths)];
  throw new UserError('USAGE', `--paths: ${JSON.stringify(bad)} is no start of a path`, 'for example --paths /api/films,/share/');
}

/** Whom a token stands for. @throws UserError USAGE unless it is either a user or roles */
export function holderFrom(user: string | undefined, role: string | undefined): { login: string } | { groups: string[] } {
  if ((user === undefined) === (role === undefined)) {
    throw new UserError('USAGE', 'a token is for a user, or has roles: give one of --user and --role', 'for example --role member');
  }
  return user !== undefined ? { login: user } : { groups: groupsFrom(role, '--role') };
}

/** Whom a token stands for, as `users token list` shows it. */
export const holderOf = ({ user, roles }: Pick<Token, 'user' | 'roles'>): string => (user === null ? roles.join(',') : `user ${user}`);
