import type { EdgeSettings } from './settings/edge-settings.ts';

/** Below /auth/, no attempt to sign in: who is signed in sets up second factors. */
const SET_UP = '2fregisters/';
/** Nor what the servers of applications ask, all from few addresses. */
const CLIENTS = 'oauth2/(?:token|userinfo)$';
/** Nor what pages of the stack's own programs ask for by POST. */
const PAGES = 'pages/';

/**
 * What one client may send, as the templates see it.
 * @param signsIn visitors sign in at the edge: those paths count too
 * @param hasClients applications use OpenID Connect there
 * @param hasPages the edge shows pages of the stack's own programs
 */
export function limitsView(own: EdgeSettings, signsIn: boolean, hasClients: boolean, hasPages: boolean) {
  const { rateLimit, login } = own;
  const others = [SET_UP, ...(hasClients ? [CLIENTS] : []), ...(hasPages ? [PAGES] : [])].join('|');
  return {
    limitsRate: rateLimit !== false,
    ratePerSecond: rateLimit ? rateLimit.perSecond : 0,
    rateBurst: rateLimit ? rateLimit.burst : 0,
    limitsLogin: login !== false,
    loginPaths: [...(login ? login.paths : []), ...(signsIn ? [`~^/auth/(?!${others})`] : [])],
    loginPerMinute: login ? login.perMinute : 0,
    loginBurst: login ? login.burst : 0,
    limitsConnections: own.connectionsPerClient > 0,
    connections: own.connectionsPerClient,
    maxBodyBytes: own.bodyLimit,
  };
}
