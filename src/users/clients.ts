import type { Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import { portalUrl } from '../services/edge/edge.ts';
import { clientSecret, issuerOf } from '../services/sign-on/clients.ts';
import { edgeOf, requireSignOn, signOnSettingsOf } from './provider.ts';

/** An application that signs its users in here. */
export interface Client {
  id: string;
  roles: string[];
  mfa: boolean;
  redirect: string[];
  issuer: string;
  discovery: string;
  scopes: string;
}

/** All clients of the settings, by name. @throws UserError NOT_RUNNING where sign-on is off */
export function clientsOf(project: Project): Client[] {
  requireSignOn(project);
  const own = edgeOf(project);
  const issuer = issuerOf(portalUrl(own, own.domains[0] as string));
  return Object.entries(signOnSettingsOf(project).clients)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { roles, mfa, redirect }]) => ({
      ...{ id, roles, mfa, redirect, issuer },
      discovery: `${issuer}/.well-known/openid-configuration`,
      scopes: 'openid profile email groups',
    }));
}

/** One client, with its secret. @throws UserError for one that is not in the settings, or has no secret before the next `up` */
export function clientOf(project: Project, name: string): Client & { secret: string } {
  const clients = clientsOf(project);
  const client = clients.find(({ id }) => id === name);
  if (!client) {
    const known = clients.map(({ id }) => id).join(', ');
    throw new UserError('USAGE', `there is no client ${JSON.stringify(name)}`, known ? `one of ${known}` : 'name it below signOn.clients');
  }
  const secret = loadSecrets(project.state)?.values[clientSecret(name)]?.value;
  if (!secret) throw new UserError('NOT_RUNNING', `${name} has no secret yet`, 'medianest up makes it');
  return { ...client, secret };
}
