import type { EdgeSettings } from './settings/edge-settings.ts';

/** What may sign in: all that is sent to the identity provider, but for the set-up of second factors by who is signed in. */
const SIGN_ON_PATHS = '~^/auth/(?!2fregisters/)';
/** Nor what the servers of applications ask, all from few addresses. */
const WITHOUT_CLIENTS = '~^/auth/(?!2fregisters/|oauth2/(?:token|userinfo)$)';

/**
 * What one client may send, as the templates see it.
 * @param signsIn visitors sign in at the edge: those paths count too
 * @param hasClients applications use OpenID Connect there
 */
export function limitsView(own: EdgeSettings, signsIn: boolean, hasClients: boolean) {
  const { rateLimit, login } = own;
  return {
    limitsRate: rateLimit !== false,
    ratePerSecond: rateLimit ? rateLimit.perSecond : 0,
    rateBurst: rateLimit ? rateLimit.burst : 0,
    limitsLogin: login !== false,
    loginPaths: [...(login ? login.paths : []), ...(signsIn ? [hasClients ? WITHOUT_CLIENTS : SIGN_ON_PATHS] : [])],
    loginPerMinute: login ? login.perMinute : 0,
    loginBurst: login ? login.burst : 0,
    limitsConnections: own.connectionsPerClient > 0,
    connections: own.connectionsPerClient,
    maxBodyBytes: own.bodyLimit,
  };
}
