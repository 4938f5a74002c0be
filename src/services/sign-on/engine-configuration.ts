import { clientsConfiguration } from './clients.ts';
import type { Access } from './settings/access.ts';
import { ANY_SESSION } from './settings/address.ts';
import { WITH_SECOND_FACTOR } from './settings/roles.ts';
import type { SignOnSettings } from './settings/sign-on-settings.ts';

/** A session's cookie. Its prefix binds it to this host, HTTPS and the path / (RFC 6265bis, 4.1.3.2); the edge knows it too. */
const COOKIE = '__Host-medianest';

/** The name under which the edge asks about a session: of no host, so that nothing is ever redirected there. */
const ASKED_AS = 'application.invalid';

/** Set in the container, from files: no secret is in the configuration. */
const fromInside = (name: string): string => `%SERVERENV:SIGN_ON_${name}%`;

const storage = (table: string) => ({
  DataSource: fromInside('DSN'),
  UserName: fromInside('USER'),
  TableName: table,
  Commit: 1,
});

/** With providers, a module of ours asks for a password or leads to them; users are looked up in one place either way (docs/decisions/0059-sign-in-by-providers.md). */
const authentication = ({ providers, plex }: SignOnSettings) =>
  Object.keys(providers).length > 0 || plex.server !== undefined
    ? { authentication: 'Custom', customAuth: 'Medianest::SignIn', userDB: 'DBI', oidcRPCallbackGetParam: 'openidconnectcallback' }
    : { authentication: 'DBI', userDB: 'Same' };

/**
 * The configuration of LemonLDAP::NG 2.21 (its manual, "Parameters list"). Users, sessions and second factors are in PostgreSQL; a
 * session is in no other place, so that one that has ended is refused at once.
 * @param domains names under which the sign-in may return to the application
 * @param issuer its own address, for applications that use OpenID Connect
 */
export function engineConfiguration(own: SignOnSettings, access: Access, domains: readonly string[], issuer: string) {
  const session = { globalStorage: 'Apache::Session::Browseable::PgJSON', globalStorageOptions: storage('sessions') };
  const devices = { persistentStorage: 'Apache::Session::Browseable::PgJSON', persistentStorageOptions: storage('psessions') };
  return {
    cfgNum: 1,
    cfgAuthor: 'medianest',
    cfgDate: 1,
    cfgVersion: '2.21.2',
    key: fromInside('ENGINE_KEY'),
    useSafeJail: 1,
    // The edge has checked the host.
    portal: '"https://$ENV{HTTP_HOST}/auth/"',
    domain: '',
    trustedDomains: domains.join(' '),
    cookieName: COOKIE,
    securedCookie: 1,
    httpOnly: 1,
    sameSite: 'Lax',
    corsEnabled: 0,
    hashedSessionStore: 1,
    timeout: own.sessionHours * 3600,
    handlerInternalCache: 0,
    localSessionStorage: '',
    localSessionStorageOptions: {},
    ...session,
    ...devices,
    ...authentication(own),
    passwordDB: 'DBI',
    registerDB: 'Null',
    dbiAuthChain: fromInside('DSN'),
    dbiAuthUser: fromInside('USER'),
    dbiUserChain: fromInside('DSN'),
    dbiUserUser: fromInside('USER'),
    dbiAuthTable: 'users',
    dbiUserTable: 'users',
    dbiAuthLoginCol: 'login',
    dbiAuthPasswordCol: 'password',
    userPivot: 'login',
    dbiMailCol: 'email',
    // Hashed by our plugin: these names only lead there.
    dbiDynamicHashEnabled: 1,
    dbiDynamicHashValidSchemes: '',
    dbiDynamicHashValidSaltedSchemes: '',
    dbiDynamicHashNewPasswordScheme: 'yescrypt',
    dbiExportedVars: { uid: 'login', cn: 'name', mail: 'email', roles: 'groups', _version: 'version' },
    exportedVars: {},
    groups: {},
    macros: { _whatToTrace: 'lc($_user)', _agent: 'substr($ENV{HTTP_USER_AGENT}, 0, 200)' },
    whatToTrace: '_whatToTrace',
    totp2fActivation: 1,
    totp2fSelfRegistration: 1,
    totp2fIssuer: own.title,
    // One interval of 30 s before and after: clocks may differ by half a minute.
    totp2fRange: 1,
    totp2fEncryptSecret: 1,
    webauthn2fActivation: 1,
    webauthn2fSelfRegistration: 1,
    sfRequired: `$roles =~ /(?:^|,)(?:${WITH_SECOND_FACTOR.join('|')})(?:,|$)/`,
    sfManagerRule: 1,
    passwordPolicyActivation: 1,
    passwordPolicyMinSize: own.passwordLength,
    portalRequireOldPassword: 1,
    portalDisplayChangePassword: 1,
    portalDisplayGeneratePassword: 0,
    portalDisplayRegister: 0,
    portalDisplayResetPassword: 0,
    portalDisplayAppslist: 0,
    portalDisplayRefreshMyRights: 0,
    portalSkin: 'bootstrap',
    portalMainLogo: '',
    // Each would load a drawing program.
    captcha_login_enabled: 0,
    captcha_mail_enabled: 0,
    captcha_register_enabled: 0,
    // Waits of 15 s to 10 min after three failures of one account; the edge limits what one address may send.
    bruteForceProtection: 1,
    bruteForceProtectionIncrementalTempo: 1,
    bruteForceProtectionMaxFailed: 3,
    failedLoginNumber: 10,
    loginHistoryEnabled: 1,
    globalLogoutRule: 1,
    globalLogoutTimer: 0,
    // Tokens of forms too: any process may get the answer.
    tokenUseGlobalStorage: 1,
    locationRules: {
      // Its own pages.
      ...Object.fromEntries(domains.map((domain) => [domain, { default: 'accept' }])),
      [ASKED_AS]: {
        ...Object.fromEntries(Object.entries(access.conditions).map(([name, rule]) => [`^/${name}$`, rule])),
        [`^/${ANY_SESSION}$`]: 'accept',
        default: 'deny',
      },
    },
    exportedHeaders: {
      [ASKED_AS]: {
        'Remote-User': '$uid',
        // A header takes no other letters than those of ASCII.
        'Remote-Name': "encode_base64($cn, '')",
        'Remote-Email': '$mail',
        'Remote-Groups': '$roles',
        'Remote-Mfa': '$_2f ? 1 : 0',
        // For our own judge, which keeps it from the edge.
        'Remote-Began': '$ipAddr',
      },
    },
    vhostOptions: { [ASKED_AS]: { vhostHttps: 1 } },
    applicationList: {},
    notification: 0,
    stayConnected: 0,
    ...clientsConfiguration(own.clients, issuer, fromInside),
  };
}
