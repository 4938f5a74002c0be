import type { Check } from '../../capability/check.ts';
import { UserError } from '../../core/errors.ts';
import { SIGN_ON } from '../../services/sign-on/settings/address.ts';
import { WITH_SECOND_FACTOR } from '../../services/sign-on/settings/roles.ts';
import type { ServerState, SignOnState, User } from './requests.ts';

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
  const by = user.source === 'ldap' ? 'LDAP' : user.providers?.join(', ');
  if (user.source && user.groups.length === 0) return `has no role, by ${by ?? 'a provider'}`;
  if (user.invitedUntil) return `invited until ${user.invitedUntil}`;
  if (user.source === 'provider' ? !by : !user.password && !by) return 'cannot sign in';
  const needs = WITH_SECOND_FACTOR.some((role) => user.groups.includes(role));
  if (needs && user.factors.length === 0) return 'sets up a second factor at the next sign-in';
  return by ? `ok, by ${user.source === undefined && user.password ? 'password or ' : ''}${by}` : 'ok';
}

/** What `health` says of the users, or of why they could not be read. */
export function userChecks(found: readonly User[] | UserError): Check[] {
  const id = 'sign-on';
  if (found instanceof UserError) return [{ id, status: 'fail', message: `sign-on: ${found.message}`, remedy: found.hint }];
  // Those that are there while an LDAP is away.
  const admins = found.filter(({ groups, source }) => groups.includes('admin') && source === undefined);
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

/** The servers are asked every ten minutes: what is older than this says that they are not. */
const STALE_MS = 30 * 60_000;

/** What `health` says of the mail server, LDAP and providers; nothing without them. */
export function serverChecks({ mail, ldap, providers = {} }: Omit<SignOnState, 'users'>, now: Date): Check[] {
  const waiting = mail && mail.waiting > 0 ? `; ${mail.waiting} mail${mail.waiting === 1 ? ' waits' : 's wait'}` : '';
  return [
    ...(mail ? [serverCheck('sign-on.mail', mail, now, MAIL, waiting)] : []),
    ...(ldap ? [serverCheck('sign-on.ldap', ldap, now, LDAP)] : []),
    ...Object.entries(providers).map(([name, state]) => serverCheck(`sign-on.provider.${name}`, state, now, provider(name))),
  ];
}

interface Words {
  /** Before the problem. */
  of?: string;
  fine: string;
  otherwise: string;
  remedy: string;
}

const MAIL: Words = {
  fine: 'the mail server takes mail',
  otherwise: 'no links for passwords are sent',
  remedy: 'correct `signOn.mail`, or see to the server; medianest users mail-test ADDRESS tries it',
};
const LDAP: Words = {
  fine: 'LDAP answers',
  otherwise: 'its users cannot sign in, and local users can',
  remedy: 'correct `signOn.ldap`, or see to the server',
};

const provider = (name: string): Words => ({
  of: `${name}: `,
  fine: `the provider ${name} answers`,
  otherwise: `sign-in by ${name} fails, and passwords work`,
  remedy: `correct \`signOn.${name === 'plex' ? 'plex' : `providers.${name}`}\`, or see to the server`,
});

function serverCheck(id: string, { checked, problem }: ServerState, now: Date, words: Words, more = ''): Check {
  if (problem)
    return { id, status: 'warn', message: `sign-on: ${words.of ?? ''}${problem}${more}; ${words.otherwise}`, remedy: words.remedy };
  if (checked !== undefined && now.getTime() - Date.parse(checked) <= STALE_MS)
    return { id, status: 'ok', message: `sign-on: ${words.fine}${more}` };
  const message = `sign-on: whether ${words.fine} is not known${more}`;
  return { id, status: 'warn', message, remedy: '`medianest logs sign-on` tells more' };
}
