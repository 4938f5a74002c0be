import type { Context, Intent, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { withLock } from '../project/with-lock.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { linkUrl } from '../services/edge/edge-links.ts';
import type { EdgeSettings } from '../services/edge/settings/edge-settings.ts';
import { SIGN_ON } from '../services/sign-on/settings/address.ts';
import type { SignOnSettings } from '../services/sign-on/settings/sign-on-settings.ts';
import { listenAddresses } from '../settings/fields.ts';
import {
  answerOf,
  argvOf,
  type Invitation,
  linkOf,
  type Request,
  removesAccess,
  type SignOnState,
  type User,
  wordsOf,
} from './plan/requests.ts';
import type { Session } from './plan/sessions.ts';
import type { Token } from './plan/tokens.ts';

/** Whether visitors sign in, by the settings. */
export const signsIn = ({ loaded }: Project): boolean => loaded.settings.components[SIGN_ON] === true;

/** Why sign-on stays off although the profile has it, for the operator. */
export const leftOffOf = ({ loaded }: Project) => loaded.leftOff.filter(({ component }) => component === SIGN_ON);

export const signOnSettingsOf = ({ loaded }: Project): SignOnSettings => loaded.settings.signOn as SignOnSettings;

export const edgeOf = ({ loaded }: Project): EdgeSettings => loaded.settings.edge as EdgeSettings;

/** The link that an invited person opens. */
export const invitationLink = (project: Project, invitation: Pick<Invitation, 'token'>): string =>
  linkOf(linkUrl(edgeOf(project)), invitation);

async function ask<T>(engine: Engine, containers: readonly ObservedContainer[], request: Request): Promise<T> {
  const container = containers.find(({ service, state }) => service === SIGN_ON && state === 'running');
  if (!container) throw new UserError('NOT_RUNNING', 'the identity provider does not run', 'medianest up');
  return answerOf<T>(await engine.exec(container.id, argvOf(request)));
}

/** @throws UserError NOT_RUNNING where sign-on is off */
export function requireSignOn(project: Project): void {
  if (signsIn(project)) return;
  throw new UserError('NOT_RUNNING', 'there are no users: sign-on is off', 'set `components: { sign-on: true }`, then medianest up');
}

/** All users, by name, and how the servers outside get on. @throws UserError where the identity provider or its database does not answer */
export async function readUsers(project: Project, engine: Engine, containers?: readonly ObservedContainer[]): Promise<SignOnState> {
  requireSignOn(project);
  const seen = containers ?? (await engine.observe(project.loaded.settings.project));
  return ask(engine, seen, { command: 'list' });
}

/** All users, by name. @throws UserError where the identity provider or its database does not answer */
export const listUsers = async (project: Project, engine: Engine): Promise<User[]> => (await readUsers(project, engine)).users;

/** Sends a mail that says nothing but that it arrives. @throws UserError with the reason where the mail server does not take it */
export async function testMail(project: Project, engine: Engine, email: string): Promise<{ mailed: string }> {
  requireSignOn(project);
  const containers = await engine.observe(project.loaded.settings.project);
  refuseForeign(project.loaded.settings.project, containers, project.state.root);
  return ask(engine, containers, { command: 'mail-test', email });
}

/** The sessions of a user, the oldest first. @throws UserError where there is no such user, or the identity provider does not answer */
export async function listSessions(project: Project, engine: Engine, login: string): Promise<Session[]> {
  requireSignOn(project);
  const containers = await engine.observe(project.loaded.settings.project);
  return (await ask<{ sessions: Session[] }>(engine, containers, { command: 'sessions', login })).sessions;
}

/** All API tokens, by name. @throws UserError where the identity provider or its database does not answer */
export async function listTokens(project: Project, engine: Engine): Promise<Token[]> {
  requireSignOn(project);
  const containers = await engine.observe(project.loaded.settings.project);
  return (await ask<{ tokens: Token[] }>(engine, containers, { command: 'tokens' })).tokens;
}

/**
 * Changes users, under the lock and with a line in the audit log. A dry run changes nothing.
 * @returns what the identity provider answered; undefined for a dry run
 */
export async function changeUsers<T>(context: Context, project: Project, request: Request, intent: Intent = {}): Promise<T | undefined> {
  requireSignOn(project);
  const engine = await context.engine();
  const name = project.loaded.settings.project;
  const change = async (_lock: unknown, record: (plan: unknown) => void) => {
    const containers = await engine.observe(name);
    refuseForeign(name, containers, project.state.root);
    if (context.flags.dryRun) return undefined;
    record(request);
    return ask<T>(engine, containers, request);
  };
  const how = removesAccess(request) ? { ...intent, removesAccess: true as const } : intent;
  return withLock(context, project.state, wordsOf(request), change, how);
}

/**
 * The invitation of the first admin, where there is no local user at all. Two at once get one between them.
 * @returns undefined where there are local users
 */
export async function firstInvitation(context: Context, project: Project): Promise<Invitation | undefined> {
  const users = await listUsers(project, await context.engine());
  // Who comes by LDAP is no way in while that is away.
  if (users.some(({ source }) => source === undefined)) return undefined;
  const request: Request = { command: 'first', hours: signOnSettingsOf(project).invitationHours };
  const made = await changeUsers<Invitation | { login: null }>(context, project, request, { reason: 'the first admin was invited' });
  return made && made.login !== null ? made : undefined;
}

/** Which addresses the portal is published on, and whether it is open to all. */
export function opennessOf(project: Project) {
  const { access, address } = edgeOf(project);
  return { access, addresses: listenAddresses(address) };
}
