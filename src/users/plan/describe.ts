import type { Check } from '../../capability/check.ts';
import { UserError } from '../../core/errors.ts';
import { SIGN_ON } from '../../services/sign-on/settings/address.ts';
import { WITH_SECOND_FACTOR } from '../../services/sign-on/settings/roles.ts';
import type { User } from './requests.ts';

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

type Named = readonly { name: string }[];

/**
 * What the operator is told before visitors of a stack that runs are asked to sign in for the first time.
 * @param before services that were rendered last; undefined before the first `up`
 */
export function startsToAsk(before: Named | undefined, after: Named, profile: string): string[] {
  const has = (services: Named) => services.some(({ name }) => name === SIGN_ON);
  if (before === undefined || has(before) || !has(after)) return [];
  return [
    `visitors sign in from now on (profile ${profile}, components.${SIGN_ON}): programs that call the portal need tokens (medianest users token add) or a rule of edge.access; \`components: { ${SIGN_ON}: false }\` leaves it out`,
  ];
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
