import type { SecretSpec } from '../../stack/types.ts';
import { condition } from './settings/access.ts';
import type { SignOnSettings } from './settings/sign-on-settings.ts';

type Clients = SignOnSettings['clients'];

/** Signs what applications are told of a user; they fetch its public half. */
const OIDC_KEY: SecretSpec = { name: 'sign-on-oidc-key', source: { generate: true, rsa: 3072 } };

/** The secret by which an application proves that it is this client. */
export const clientSecret = (name: string): string => `sign-on-client-${name}`;

/** As the container's entrypoint names the variable of that secret. */
const variable = (name: string): string => `CLIENT_${name.toUpperCase().replaceAll('-', '_')}`;

/** @param portal the portal's address, which ends in / @returns the issuer: discovery is below it (OpenID Connect Discovery 1.0, 4) */
export const issuerOf = (portal: string): string => `${portal}auth`;

/** The key and the clients' secrets; none without clients. */
export function clientSecrets(clients: Clients): SecretSpec[] {
  const names = Object.keys(clients);
  if (names.length === 0) return [];
  return [OIDC_KEY, ...names.map((name): SecretSpec => ({ name: clientSecret(name), source: { generate: true, bytes: 32 } }))];
}

/** Their names, for the container's entrypoint. */
export function clientNames(clients: Clients): Record<string, string> {
  const names = Object.keys(clients);
  return names.length > 0 ? { SIGN_ON_CLIENTS: names.join(' ') } : {};
}

/** Claims of a user -> what of a session they are: its groups as a list. */
const CLAIMS = { preferred_username: 'uid', name: 'cn', email: 'mail', groups: 'group_list;string;always' };

/**
 * The part of LemonLDAP::NG's configuration for OpenID Connect (its manual, "OpenID Connect service"): the code flow alone. A user may
 * use a client without a question, because the operator has registered it.
 * @param fromInside a value that the container has in a variable @returns nothing without clients
 */
export function clientsConfiguration(clients: Clients, issuer: string, fromInside: (name: string) => string) {
  const all = Object.entries(clients);
  if (all.length === 0) return {};
  const each = <T>(of: (name: string, client: Clients[string]) => T) =>
    Object.fromEntries(all.map(([name, client]) => [name, of(name, client)]));
  return {
    issuerDBOpenIDConnectActivation: 1,
    issuerDBOpenIDConnectPath: '^/oauth2/',
    issuerDBOpenIDConnectRule: 1,
    oidcServiceMetaDataIssuer: issuer,
    oidcServiceMetaDataDisallowNoneAlg: 1,
    oidcServiceAllowAuthorizationCodeFlow: 1,
    oidcServiceAllowImplicitFlow: 0,
    oidcServiceAllowHybridFlow: 0,
    oidcServiceAllowDynamicRegistration: 0,
    oidcServiceAuthorizationCodeExpiration: 60,
    oidcServiceKeyTypeSig: 'RSA',
    oidcServicePrivateKeySig: fromInside('OIDC_PRIVATE'),
    oidcServicePublicKeySig: fromInside('OIDC_PUBLIC'),
    oidcServiceKeyIdSig: fromInside('OIDC_KEY_ID'),
    oidcRPMetaDataOptions: each((name, { redirect, logout, roles, mfa, pkce }) => ({
      oidcRPMetaDataOptionsDisplayName: name,
      oidcRPMetaDataOptionsClientID: name,
      oidcRPMetaDataOptionsClientSecret: fromInside(variable(name)),
      oidcRPMetaDataOptionsRedirectUris: redirect.join(' '),
      oidcRPMetaDataOptionsPostLogoutRedirectUris: logout.join(' '),
      oidcRPMetaDataOptionsRule: condition({ roles, mfa }),
      oidcRPMetaDataOptionsUserIDAttr: 'uid',
      oidcRPMetaDataOptionsIDTokenSignAlg: 'RS256',
      // Some applications read nothing else.
      oidcRPMetaDataOptionsIDTokenForceClaims: 1,
      oidcRPMetaDataOptionsBypassConsent: 1,
      oidcRPMetaDataOptionsLogoutBypassConfirm: 1,
      oidcRPMetaDataOptionsRequirePKCE: pkce ? 1 : 0,
    })),
    oidcRPMetaDataExportedVars: each(() => CLAIMS),
    oidcRPMetaDataOptionsExtraClaims: each(() => ({ groups: 'groups' })),
    oidcRPMetaDataMacros: each(() => ({ group_list: "join('; ', split(/,/, $roles))" })),
  };
}
