import { describe, expect, it } from 'vitest';
import { GLOBAL } from '../../../src/cli/global-options.ts';
import { settingsAdvice } from '../../../src/reconcile/plan/settings-advice.ts';
import { registry } from '../../../src/services/index.ts';
import { OTHER_VARIABLES, variableName } from '../../../src/settings/environment.ts';
import { leaves, settingsSchema } from '../../../src/settings/schema.ts';
import { settingsRead } from '../../../src/stack/settings-read.ts';
import { type LoadOptions, load, SUBNETS, stackOf } from '../../support/settings.ts';

function advice(profile: string, file: string, more: LoadOptions = {}): string[] {
  const loaded = load({ file, flags: { profile }, ...more });
  const stack = stackOf(loaded);
  const facts = { version: '0.0.0', overrides: {}, subnets: SUBNETS, sourceHash: () => 'fixed', engineSocket: { path: '/x', gid: 999 } };
  return settingsAdvice(loaded, {
    read: settingsRead(loaded.settings, registry, facts),
    networks: stack.networks.map(({ name }) => name),
    hasCertificates: stack.certificates.length > 0,
    registry,
  });
}

describe('a choice for the cache that can lose data', () => {
  it.each([
    ['no failover', 'cache: { mode: single }', [/^medianest\.yml:1: cache\.mode: single: .* no backup/]],
    [
      'queues and sessions that go',
      'cache: { evictionPolicy: allkeys-lru }',
      [/cache\.evictionPolicy: allkeys-lru: .* signed out, and jobs of a queue are lost/],
    ],
    ['sessions that go', 'cache: { evictionPolicy: volatile-lru }', [/cache\.evictionPolicy: volatile-lru: .* signed out/]],
    ['none', 'cache: { mode: sentinel, evictionPolicy: noeviction }', []],
  ])('is told: %s', (_what, file, wanted) => {
    expect(advice('prod', file)).toEqual(wanted.map((words) => expect.stringMatching(words)));
  });
  it('is not told where a profile made it', () => {
    expect(advice('dev-compose', '')).toEqual([]);
  });
});

describe('settings without effect', () => {
  it.each([
    [
      'a port of a service that is not there',
      'dev',
      'edge: { httpsPort: 9443 }',
      ['medianest.yml:1: edge.httpsPort: without effect in profile dev: the component edge is off; here it is allInOne.port'],
    ],
    [
      'one that has the same name',
      'dev',
      'app: { memory: 1g }',
      ['medianest.yml:1: app.memory: without effect in profile dev: the component app is off; here it is allInOne.memory'],
    ],
    [
      'several at once',
      'dev',
      'edge:\n  hsts: true\n  httpPort: 80\n  rateLimit: false\n  address: 0.0.0.0\n  memory: 1g',
      [
        expect.stringMatching(
          /^medianest\.yml:2: edge\.hsts, edge\.httpPort, edge\.rateLimit, edge\.address and 1 more: without effect .*here it is .*allInOne\.port/,
        ),
      ],
    ],
    [
      'the other database',
      'prod',
      'postgres: { memory: 1g }',
      [
        expect.stringMatching(
          /^medianest\.yml:1: postgres\.memory: without effect in profile prod: the component postgres is off; here it is database\.memory$/,
        ),
      ],
    ],
    [
      'the other cache',
      'dev-compose',
      'redisCluster: { replicas: 1 }',
      ['medianest.yml:1: redisCluster.replicas: without effect in profile dev-compose: the component redis-cluster is off'],
    ],
    [
      'channels of alerts where Prometheus is off, which a job sends by',
      'dev-compose',
      'alerts: { channels: { phone: { kind: ntfy, url: "https://ntfy.sh", topic: x } } }',
      [],
    ],
    [
      'a port of the one container',
      'prod',
      'allInOne: { port: 80, memory: 1g }',
      [
        'medianest.yml:1: allInOne.port, allInOne.memory: without effect in profile prod: the component all-in-one is off; here it is edge.httpPort, edge.httpsPort',
      ],
    ],
    [
      'a port of the router',
      'dev',
      'edge: { publicPort: 443 }',
      ['medianest.yml:1: edge.publicPort: without effect in profile dev: the component edge is off'],
    ],
    [
      'a network',
      'dev',
      'networks: { db: { subnet: 10.9.0.0/16 } }',
      ['medianest.yml:1: networks.db.subnet: without effect in profile dev: no service is in the network db'],
    ],
    [
      'certificates',
      'dev',
      'certificates: { acme: { email: a@example.org } }',
      [expect.stringContaining('certificates.acme.email: without effect in profile dev: no service has a certificate')],
    ],
    [
      'an image',
      'dev',
      'images: { patroni: example.org/p:1 }',
      ['medianest.yml:1: images.patroni: without effect in profile dev: the component patroni is off'],
    ],
  ] as const)('are told: %s', (_what, profile, file, expected) => {
    expect(advice(profile, file)).toEqual(expected);
  });
  it.each([
    [
      'what the one container takes over from the others',
      'dev',
      'app: { logLevel: warn, readyPath: /r, uploadLimit: 2g }\npostgres: { maxConnections: 50 }\nimages: { app: example.org/a:1 }',
    ],
    [
      'settings of services that run',
      'prod',
      'edge: { httpsPort: 444 }\ndatabase: { members: 3 }\nbackup: { memory: 1g }\nnetworks: { db: { subnet: 10.9.0.0/16 } }',
    ],
    ['a component that is switched off', 'dev-compose', 'components: { cdn: false }'],
    ['what is no service’s', 'dev', 'version: 1\nproject: x\nexternal: { plex: { url: "http://192.168.1.20:32400" } }'],
    ['what the profile says', 'dev', ''],
  ])('are not: %s', (_what, profile, file) => {
    expect(advice(profile, file)).toEqual([]);
  });
  it('are told with the variable or flag that set them', () => {
    expect(advice('dev', '', { env: { MEDIANEST_EDGE_HTTPS_PORT: '1' } })[0]).toMatch(
      /^\$MEDIANEST_EDGE_HTTPS_PORT: edge\.httpsPort: without effect/,
    );
    expect(advice('dev', '', { flags: { set: ['edge.httpsPort=1'] } })[0]).toMatch(
      /^--set edge\.httpsPort: edge\.httpsPort: without effect/,
    );
  });
});

describe('variables that are no settings', () => {
  const told = (env: Record<string, string>, file = '') => advice('dev', file, { env });
  it('are told with the nearest that is one', () => {
    expect(told({ MEDIANEST_ALL_IN_ONE_PROT: '1' })).toEqual([
      '$MEDIANEST_ALL_IN_ONE_PROT: is not a setting, and was ignored; did you mean MEDIANEST_ALL_IN_ONE_PORT?',
    ]);
    expect(told({ MEDIANEST_PROFIL: 'x' })[0]).toContain('did you mean MEDIANEST_PROFILE?');
    expect(told({ MEDIANEST_JSN: '1' })[0]).toContain('did you mean MEDIANEST_JSON?');
    expect(told({ MEDIANEST_WHATEVER_THIS_IS_MEANT_TO_BE: 'x' })).toEqual([expect.stringContaining('medianest config show')]);
  });
  it('are not what a secret refers to, nor what is empty, nor those of other programs', () => {
    const file = 'external: { plex: { url: "http://192.168.1.20:32400", token: "${MEDIANEST_PLEX}" } }';
    expect(told({ MEDIANEST_PLEX: 'x', MEDIANEST_TYPO: '', PATH: '/bin', MEDIANESTX: '1' }, file)).toEqual([]);
  });
  it('are not the program’s own, nor what hooks and alerts are given', () => {
    const settings = new Set(leaves(settingsSchema(registry)).map(({ path }) => variableName(path)));
    for (const [, , variable] of GLOBAL)
      expect([variable, settings.has(variable) || OTHER_VARIABLES.includes(variable)]).toEqual([variable, true]);
    expect(told(Object.fromEntries(OTHER_VARIABLES.map((name) => [name, '1'])))).toEqual([]);
  });
});

describe('addresses that a container asks', () => {
  it.each([
    'http://localhost:32400',
    'http://127.0.0.1:32400',
    'http://127.1.2.3:1',
    'https://[::1]:1',
    'http://0.0.0.0:1',
    'http://plex.localhost',
  ])('are told where they are its own: %s', (url) => {
    expect(advice('dev', `external:\n  plex:\n    url: "${url}"`)).toEqual([
      `medianest.yml:3: external.plex.url: ${new URL(url).host} is the portal’s own container, not this host: give the address by which other machines reach it`,
    ]);
  });
  it.each(['http://192.168.1.20:32400', 'http://localhost.example.org', 'http://plex:32400', 'http://127.example.org'])(
    'are not told elsewhere: %s',
    (url) => {
      expect(advice('dev', `external: { plex: { url: "${url}" } }`)).toEqual([]);
    },
  );
  it.each(['https://192.168.1.20:32400', 'https://[fd00::1]'])(
    'are told where the name that leads there fits no certificate: %s',
    (url) => {
      const file = `external: { plex: { url: "${url}" } }`;
      expect(advice('dev-compose', file)).toEqual([
        `medianest.yml:1: external.plex.url: the application reaches ${new URL(url).host} by another name, for which its certificate is not valid: give the host a name, or use http`,
      ]);
      // There the application calls it by itself.
      expect([advice('dev', file), advice('dev-compose', `${file}\napp: { proxy: true }`)]).toEqual([[], []]);
      expect(advice('dev-compose', 'external: { plex: { url: "https://plex.example.org" } }')).toEqual([]);
    },
  );
  it('are told of the media library’s storage', () => {
    const file = 'app: { media: { kind: object, endpoint: "http://localhost:9000", bucket: media, accessKey: a, secretKey: b } }';
    expect(advice('dev-compose', file)).toEqual([expect.stringMatching(/^medianest\.yml:1: app\.media\.endpoint: localhost:9000 is/)]);
  });
});
