import { UserError } from '../../core/errors.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { otherProcesses } from '../app/processes/process.ts';
import { databaseContract } from '../app/stores.ts';
import { edge, portalUrl } from '../edge/edge.ts';
import { LOCAL_NAMES } from '../edge/edge-certificates.ts';
import { clientNames, clientSecrets, issuerOf } from './clients.ts';
import { engineConfiguration } from './engine-configuration.ts';
import { ldapPart } from './ldap.ts';
import { mailPart } from './mail.ts';
import { providersPart } from './providers.ts';
import { accessOf } from './settings/access.ts';
import { DATABASE_PASSWORD, DATABASE_ROLE, ENGINE_KEY, FRESH_SECONDS, SIGN_ON, SIGN_ON_HOST, SIGN_ON_PORT } from './settings/address.ts';
import { leaveSignOnOff } from './settings/default.ts';
import { signOnSettings } from './settings/sign-on-settings.ts';

/** Encrypts the secrets of second factors: with another key none would fit. */
const ENGINE_SECRET: SecretSpec = { name: ENGINE_KEY, source: { generate: true }, encrypts: 'the second factors of all users' };

/** A line as libpq reads it from its password file; the password has no character with a meaning there. */
const PASSWORD_FILE: SecretSpec = { name: 'sign-on-pgpass', source: { format: `*:*:*:*:{${DATABASE_PASSWORD}}` } };

/** Assignments for the container's own shell. */
function databaseFile(input: BuildInput): string {
  const { host, port, name, ca } = databaseContract(input).connection;
  const parts = [`host=${host}`, `port=${port}`, `dbname=${name}`, 'connect_timeout=3', 'tcp_user_timeout=4000'];
  const tls = ca ? ['sslmode=verify-full', `sslrootcert=${ca}`] : [];
  const session = `options='--search_path=${DATABASE_ROLE} --statement_timeout=5000'`;
  return `SIGN_ON_DSN="dbi:Pg:${[...parts, ...tls, session].join(';')}"\nSIGN_ON_USER=${DATABASE_ROLE}\n`;
}

export const signOn = defineService({
  name: SIGN_ON,
  key: 'signOn',
  summary: 'LemonLDAP::NG: visitors sign in, with roles and second factors',
  settings: signOnSettings,
  leaveOff: leaveSignOnOff,
  build: (own, input) => {
    for (const needed of ['edge', ...(input.enabled('patroni') ? [] : ['postgres'])]) {
      if (input.enabled(needed)) continue;
      throw new UserError(
        'INVALID_SETTINGS',
        `components.${SIGN_ON} needs ${needed}, which is off`,
        `switch on \`components: { ${needed}: true }\`, or sign-on off`,
      );
    }
    const edgeSettings = input.settingsOf(edge);
    const { access, domains } = edgeSettings;
    if (access === 'none' && Object.keys(own.clients).length > 0) {
      throw new UserError(
        'INVALID_SETTINGS',
        'signOn.clients: applications send their users to the sign-in, and edge.access: none leaves it out',
        'leave out `signOn.clients`, or `edge.access: none`',
      );
    }
    const rules = accessOf(access === 'none' ? [] : access, edgeSettings.pages);
    const hosts = otherProcesses(input).flatMap(({ beside }) => beside?.host ?? []);
    const names = [...new Set([...domains, ...hosts, ...LOCAL_NAMES.filter((name) => !name.includes(':'))])];
    const database = databaseContract(input);
    const portal = portalUrl(edgeSettings, domains[0] as string);
    const mail = mailPart(own, edgeSettings, input);
    const ldap = ldapPart(own, input);
    const providers = providersPart(own, input);
    return [
      {
        name: SIGN_ON,
        role: 'identity',
        image: input.image(SIGN_ON),
        uid: 10040,
        host: SIGN_ON_HOST,
        // It listens in the first alone.
        networks: ['auth', 'db'],
        ports: [],
        mounts: [],
        secrets: [PASSWORD_FILE, ENGINE_SECRET, ...clientSecrets(own.clients), ...mail.secrets, ...ldap.secrets, ...providers.secrets],
        environment: {
          SIGN_ON_LISTEN: `${input.address('auth', SIGN_ON_HOST)}:${SIGN_ON_PORT}`,
          SIGN_ON_PROCESSES: String(own.processes),
          // Beyond the time in which the edge does not ask again.
          SIGN_ON_GRACE_SECONDS: String(own.graceMinutes * 60 + FRESH_SECONDS),
          ...(own.address !== 'off' && { SIGN_ON_ADDRESS: own.address }),
          SIGN_ON_SESSION_SECONDS: String(own.sessionHours * 3600),
          ...clientNames(own.clients),
        },
        view: { hosts: providers.hosts },
        files: {
          'lmConf-1.json': `${JSON.stringify(engineConfiguration(own, rules, names, issuerOf(portal)), null, 2)}\n`,
          'token-rules.json': `${JSON.stringify(rules.tokens, null, 2)}\n`,
          database: databaseFile(input),
          ...mail.files,
          ...ldap.files,
          ...providers.files,
        },
        ...(database.trust && { trust: true }),
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its process id, and the name of its configuration' },
        after: database.after,
        calls: [...mail.ways, ...ldap.ways, ...providers.ways].map(({ name }) => name),
        interruption: `about 3 s: new sign-ins fail; those who are signed in stay so (${own.graceMinutes} minutes at most)`,
        urls: [],
      },
      ...mail.ways,
      ...ldap.ways,
      ...providers.ways,
    ];
  },
});
