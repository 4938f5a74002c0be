import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import { listProfiles } from '../../../src/project/load-settings.ts';
import { registry } from '../../../src/services/index.ts';
import { variableName } from '../../../src/settings/environment.ts';
import { flattenSettings } from '../../../src/settings/flatten.ts';
import { leaves, settingsSchema } from '../../../src/settings/schema.ts';
import { HOME } from '../../support/cli.ts';
import { type LoadOptions, load } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const password = (options: LoadOptions) => (load(options).settings.postgres as { password: Secret }).password.reveal();
const origins = (options: LoadOptions) => {
  const { settings, origins: found } = load(options);
  return Object.fromEntries(flattenSettings(settings, found).map((entry) => [entry.path, entry.origin]));
};

/** What each kind of setting looks like in a variable, and as it must arrive. */
const SAMPLES: Record<string, [text: string, value: unknown]> = {
  'networks.dmz.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'networks.app.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'networks.db.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'networks.control.subnet': ['10.78.0.0/16', '10.78.0.0/16'],
  'networks.mgmt.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'networks.out.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'networks.monitoring.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'networks.auth.subnet': ['10.77.0.0/16', '10.77.0.0/16'],
  'edge.access': ['none', 'none'],
  'bans.never': ['[198.51.100.7]', ['198.51.100.7']],
  'bans.hours': ['9', 9],
  'bans.firewall': ['false', false],
  'bans.hostLogs': ['[/srv/auth.log]', ['/srv/auth.log']],
  'bans.central': ['true', true],
  'bans.sshPorts': ['[2222]', [2222]],
  'intrusion.memory': ['999m', 999 * 1024 ** 2],
  'intrusion.cpus': ['1.5', 1.5],
  'bans.memory': ['999m', 999 * 1024 ** 2],
  'bans.cpus': ['9', 9],
  'signOn.sessionHours': ['9', 9],
  'signOn.graceMinutes': ['9', 9],
  'signOn.invitationHours': ['9', 9],
  'signOn.address': ['bind', 'bind'],
  'signOn.passwordLength': ['19', 19],
  'signOn.title': ['Our media', 'Our media'],
  'signOn.clients': [
    '{films: {redirect: ["https://films.example.org/cb"]}}',
    { films: { redirect: ['https://films.example.org/cb'], logout: [], roles: ['member'], mfa: false, pkce: true } },
  ],
  'signOn.mail.host': ['mail.example.org', 'mail.example.org'],
  'signOn.mail.port': ['999', 999],
  'signOn.mail.tls': ['none', 'none'],
  'signOn.mail.from': ['films@example.org', 'films@example.org'],
  'signOn.mail.user': ['films', 'films'],
  'signOn.mail.ca': ['-----BEGIN', '-----BEGIN'],
  'signOn.mail.resetMinutes': ['9', 9],
  'signOn.ldap.url': ['ldaps://ldap.example.org', 'ldaps://ldap.example.org'],
  'signOn.ldap.ca': ['-----BEGIN', '-----BEGIN'],
  'signOn.ldap.bindPassword': ['word', 'word'],
  'signOn.ldap.baseDn': ['dc=example,dc=org', 'dc=example,dc=org'],
  'signOn.ldap.bindDn': ['cn=reader,dc=example,dc=org', 'cn=reader,dc=example,dc=org'],
  'signOn.ldap.userFilter': ['(mail={login})', '(mail={login})'],
  'signOn.ldap.groupFilter': ['(member={dn})', '(member={dn})'],
  'signOn.ldap.nameAttribute': ['displayName', 'displayName'],
  'signOn.ldap.emailAttribute': ['email', 'email'],
  'signOn.ldap.groups': ['{media-admins: [admin]}', { 'media-admins': ['admin'] }],
  'signOn.ldap.everyone': ['[guest]', ['guest']],
  'signOn.ldap.syncMinutes': ['9', 9],
  'signOn.providers': [
    '{company: {issuer: "https://login.example.org", clientId: medianest, clientSecret: word, groups: {films: [member]}}}',
    {
      company: {
        ...{ issuer: 'https://login.example.org', clientId: 'medianest', clientSecret: new Secret('word') },
        ...{
          hosts: [],
          scope: 'openid profile email',
          groupsClaim: 'groups',
          groups: { films: ['member'] },
          everyone: [],
          allow: [],
          mfa: 'here',
        },
      },
    },
  ],
  'signOn.plex.server': ['0123456789abcdef', '0123456789abcdef'],
  'signOn.plex.roles': ['[guest]', ['guest']],
  'signOn.plex.allow': ['["@example.org"]', ['@example.org']],
  'signOn.plex.ca': ['-----BEGIN', '-----BEGIN'],
  'signOn.processes': ['9', 9],
  'signOn.memory': ['999m', 999 * 1024 ** 2],
  'signOn.cpus': ['9', 9],
  'vpn.address': ['127.0.0.1', '127.0.0.1'],
  'vpn.port': ['999', 999],
  'vpn.engine': ['openvpn', 'openvpn'],
  'vpn.protocol': ['tcp', 'tcp'],
  'vpn.endpoint': ['vpn.example.org:999', 'vpn.example.org:999'],
  'vpn.network': ['10.77.0.0/16', '10.77.0.0/16'],
  'vpn.dns': ['false', false],
  'vpn.peersMeet': ['true', true],
  'vpn.alsoReach': ['[postgres:5432]', ['postgres:5432']],
  'vpn.memory': ['999m', 999 * 1024 ** 2],
  'vpn.cpus': ['9', 9],
  'bastion.address': ['192.0.2.9', '192.0.2.9'],
  'bastion.port': ['77', 77],
  'bastion.allow': ['[cache]', ['cache']],
  'bastion.allowOperators': ['[cache]', ['cache']],
  'bastion.memory': ['999m', 999 * 1024 ** 2],
  'bastion.cpus': ['9', 9],
  observability: ['light', 'light'],
  'alerts.channels': [
    '{ home: { kind: ntfy, url: "https://h.example.org", topic: a } }',
    {
      home: {
        kind: 'ntfy',
        url: new Secret('https://h.example.org'),
        topic: 'a',
        tls: 'starttls',
        form: false,
        severities: ['critical', 'warning'],
      },
    },
  ],
  'alerts.deadMan.url': ['https://uptime.example.org/api/push/x', 'https://uptime.example.org/api/push/x'],
  'alerts.relayMemory': ['99m', 99 * 1024 ** 2],
  'alerts.repeatHours': ['9', 9],
  'alerts.timezone': ['Europe/Vienna', 'Europe/Vienna'],
  'logs.store': ['files', 'files'],
  'logs.url': ['https://logs.example.org', 'https://logs.example.org'],
  'logs.user': ['shipper', 'shipper'],
  'logs.ca': ['PEM', 'PEM'],
  'logs.days': ['9', 9],
  'logs.size': ['999m', 999 * 1024 ** 2],
  'logs.buffer': ['99m', 99 * 1024 ** 2],
  'logs.memory': ['99m', 99 * 1024 ** 2],
  'prometheus.outside': ['true', true],
  'prometheus.retention.days': ['9', 9],
  'prometheus.retention.size': ['999m', 999 * 1024 ** 2],
  'elasticsearch.heap': ['999m', 999 * 1024 ** 2],
  'elasticsearch.memory': ['9g', 9 * 1024 ** 3],
  'elasticsearch.mmap': ['false', false],
  'jaeger.days': ['9', 9],
  version: ['3', 3],
  'jobs.timezone': ['Europe/Vienna', 'Europe/Vienna'],
  'jobs.times': ['{ full: off }', { full: 'off' }],
  'dbRouter.maxConnections': ['77', 77],
  'cache.mode': ['single', 'single'],
  'cache.memory': ['99m', 99 * 1024 ** 2],
  'cache.evictionPolicy': ['allkeys-lru', 'allkeys-lru'],
  'cache.databases': ['3', 3],
  'database.members': ['3', 3],
  'database.maxConnections': ['77', 77],
  'database.synchronous': ['false', false],
  'database.ttl': ['33', 33],
  'database.loopWait': ['4', 4],
  'database.retryTimeout': ['4', 4],
  'database.maxReplicaLag': ['99m', 99 * 1024 ** 2],
  'database.maxSlotWal': ['99m', 99 * 1024 ** 2],
  'database.parameters': ['{ random_page_cost: 1.1 }', { random_page_cost: 1.1 }],
  'etcd.members': ['1', 1],
  profile: ['dev-compose', 'dev-compose'],
  project: ['other', 'other'],
  components: ['{ redis: true }', undefined],
  images: ['{ redis: "mine/redis:1" }', { redis: 'mine/redis:1' }],
  'packages.lock': ['false', false],
  'packages.snapshot': ['http://archive.lan', 'http://archive.lan'],
  'external.plex.url': ['http://10.0.0.9:32400', 'http://10.0.0.9:32400'],
  'external.overseerr.url': ['http://10.0.0.9:5055', 'http://10.0.0.9:5055'],
  'external.uptimeKuma.url': ['http://10.0.0.9:3001', 'http://10.0.0.9:3001'],
  'traces.endpoint': ['http://10.0.0.9:4318', 'http://10.0.0.9:4318'],
  'traces.headers': ['*no: #yaml "', '*no: #yaml "'],
  'traces.sample': ['0.25', 0.25],
  'traces.slowMs': ['500', 500],
  'traces.fromProxies': ['true', true],
  'traces.url': ['http://10.0.0.9:16686', 'http://10.0.0.9:16686'],
  'firewall.enabled': ['true', true],
  'firewall.allow': ['operators', 'operators'],
  'firewall.ports': ['{ edge.httpsPort: everyone }', { 'edge.httpsPort': 'everyone' }],
  'firewall.lan': ['[10.1.0.0/16]', ['10.1.0.0/16']],
  'firewall.operators': ['["2001:db8::7"]', ['2001:db8::7']],
  'firewall.lists': ['{ abuse: ./abuse.txt }', { abuse: './abuse.txt' }],
  'firewall.block': ['[abuse]', ['abuse']],
  'firewall.perAddressPerSecond': ['9', 9],
  'firewall.totalPerSecond': ['99', 99],
  'storage.encrypt': ['true', true],
  'storage.path': ['/srv/encrypted', '/srv/encrypted'],
  'storage.unlock': ['passphrase', 'passphrase'],
  'storage.keyFile': ['/media/stick/encryption.key', '/media/stick/encryption.key'],
  'storage.tpmPcrs': ['[7, 11]', [7, 11]],
  'edge.domains': ['[a.example, b.example]', ['a.example', 'b.example']],
  'app.proxy': ['true', true],
  'app.metrics': ['true', true],
  'app.autoscale.min': ['3', 3],
  'app.autoscale.max': ['9', 9],
  'app.autoscale.inFlight': ['7.5', 7.5],
  'app.autoscale.cpuPercent': ['70', 70],
  'app.autoscale.latencyMs': ['250', 250],
  'app.autoscale.downSeconds': ['600', 600],
  'app.autoscale.hostPressure': ['75', 75],
  'app.env': ['{ A: "1" }', { A: '1' }],
  'app.secrets': ['{ A: { generate: 32 } }', { A: { generate: 32, as: 'file' } }],
  'app.strategy': ['recreate', 'recreate'],
  'app.keepSeconds': ['900', 900],
  'app.smoke.paths': ['[/]', ['/']],
  'app.smoke.statuses': ['[200, 302]', [200, 302]],
  'app.smoke.command': ['[/app/smoke]', ['/app/smoke']],
  'app.smoke.seconds': ['9', 9],
  'app.watchSeconds': ['60', 60],
  'app.restorePoint': ['false', false],
  'app.health.command': ['[/app/check]', ['/app/check']],
  'app.health.get': ['/up', '/up'],
  'app.health.none': ['true', true],
  'app.ready.statuses': ['[200, 429]', [200, 429]],
  'app.ready.rise': ['2', 2],
  'app.ready.fall': ['5', 5],
  'app.egress': ['[api.example.org]', ['api.example.org']],
  'app.envFile': ['[]', []],
  'app.volumes': ['{ data: { path: /data } }', { data: { path: '/data', backup: true, shared: true } }],
  'app.writable': ['[/app/cache]', ['/app/cache']],
  'app.portal.requestQuota': ['7', 7],
  'app.portal.mail.host': ['mail.example.org', 'mail.example.org'],
  'app.portal.mail.port': ['2525', 2525],
  'app.portal.mail.tls': ['none', 'none'],
  'app.portal.mail.from': ['medianest@example.org', 'medianest@example.org'],
  'app.portal.mail.user': ['portal', 'portal'],
  'app.portal.ntfy.url': ['https://ntfy.example.org', 'https://ntfy.example.org'],
  'app.portal.ntfy.topic': ['films', 'films'],
  'app.portal.webhook.url': ['https://hooks.example.org/x', 'https://hooks.example.org/x'],
  'app.command': ['[node, x.js]', ['node', 'x.js']],
  'app.user': ['1:2', '1:2'],
  'app.logLevel': ['warn', 'warn'],
  'app.migrate': ['[node, migrate.js]', ['node', 'migrate.js']],
  services: ['{ worker: { command: [node, worker.js] } }', { worker: expect.objectContaining({ command: ['node', 'worker.js'] }) }],
  'app.after': ['[backend]', ['backend']],
  'app.hooks.pre': ['[./notify, start]', ['./notify', 'start']],
  'app.hooks.post': ['[./notify, end]', ['./notify', 'end']],
  'app.media.kind': ['volume', 'volume'],
  'app.media.path': ['../films', '../films'],
  'app.media.server': ['nas.lan', 'nas.lan'],
  'app.media.export': ['/export/films', '/export/films'],
  'app.media.options': ['nfsvers=4.1,nconnect=4', 'nfsvers=4.1,nconnect=4'],
  'app.media.endpoint': ['https://s3.example.org', 'https://s3.example.org'],
  'app.media.bucket': ['films', 'films'],
  'app.media.region': ['eu-central-1', 'eu-central-1'],
  'app.media.prefix': ['hd/', 'hd/'],
  'edge.tls.ciphers': ['modern', 'modern'],
  'edge.tls.stapling': ['false', false],
  'edge.certificate': ['acme', 'acme'],
  'edge.certificates': ['[{ names: [localhost] }]', [{ names: ['localhost'], issuer: 'internal-ca' }]],
  'edge.clientCertificates.paths': ['[/admin]', ['/admin']],
  'edge.hsts.subdomains': ['true', true],
  'edge.hsts.preload': ['true', true],
  'certificates.acme.directory': ['letsencrypt-staging', 'letsencrypt-staging'],
  'certificates.acme.root': ['./root.pem', './root.pem'],
  'certificates.acme.email': ['me@example.org', 'me@example.org'],
  'certificates.acme.challenge': ['dns', 'dns'],
  'certificates.acme.dns.provider': ['cloudflare', 'cloudflare'],
  'certificates.acme.dns.credentials': ['CF_DNS_API_TOKEN=x', 'CF_DNS_API_TOKEN=x'],
  'certificates.acme.dns.resolvers': ['["9.9.9.9:53"]', ['9.9.9.9:53']],
  'certificates.acme.eab.kid': ['kid-1', 'kid-1'],
  'certificates.acme.eab.hmac': ['aGVsbG8', 'aGVsbG8'],
  'certificates.acme.profile': ['shortlived', 'shortlived'],
  'certificates.acme.keyType': ['rsa2048', 'rsa2048'],
  'certificates.acme.preferredChain': ['ISRG Root X1', 'ISRG Root X1'],
  'certificates.acme.preflight': ['false', false],
  'edge.headers': ['{ X-Robots-Tag: noindex }', { 'X-Robots-Tag': 'noindex' }],
  'edge.rateLimit': ['{ perSecond: 5, burst: 6 }', { perSecond: 5, burst: 6 }],
  'edge.connectionsPerClient': ['9', 9],
  'edge.login': ['false', false],
  'edge.contentPolicy': ['false', false],
  'edge.headersWithUnderscores': ['true', true],
  'edge.shared': ['true', true],
  'edge.pages': ['true', true],
  'app.timeout': ['600', 600],
  'edge.bodyLimit': ['2m', 2 * 1024 ** 2],
  'edge.uploadPaths': ['[/files]', ['/files']],
  'edge.trustedProxies': ['[203.0.113.0/24]', ['203.0.113.0/24']],
  'edge.clientAddressHeader': ['CF-Connecting-IP', 'CF-Connecting-IP'],
  'edge.operators': ['[192.168.1.0/24]', ['192.168.1.0/24']],
  'edge.rateLimit.perSecond': ['7', 7],
  'edge.rateLimit.burst': ['8', 8],
  'edge.login.paths': ['[/sign-in]', ['/sign-in']],
  'edge.login.perMinute': ['7', 7],
  'edge.login.burst': ['8', 8],
  'edge.waf.mode': ['detect', 'detect'],
  'edge.waf.paranoia': ['2', 2],
  'edge.waf.anomalyThreshold': ['9', 9],
  'edge.waf.allowedMethods': ['[GET, POST]', ['GET', 'POST']],
  'edge.waf.contentTypes': ['[application/json]', ['application/json']],
  'edge.waf.rules.source': ['debian', 'debian'],
  'edge.waf.rules.mirror': ['https://mirror.example.org/crs.tar.gz', 'https://mirror.example.org/crs.tar.gz'],
  'edge.waf.exclusions': ['[{ rule: 942100, path: /notes }]', [{ rule: 942100, path: '/notes' }]],
  'edge.waf.rules.folder': ['./crs', './crs'],
  'edge.waf.rules.archive': ['./crs.tar.gz', './crs.tar.gz'],
  'edge.waf.rules.sha256': ['b'.repeat(64), 'b'.repeat(64)],
  'cdn.host': ['static.example.org', 'static.example.org'],
  'cdn.paths': ['[/assets/]', ['/assets/']],
  'cdn.except': ['[/private/]', ['/private/']],
  'balancer.maxConnections': ['500', 500],
  'engineProxy.socket': ['/run/user/1000/docker.sock', '/run/user/1000/docker.sock'],
  'engineProxy.gid': ['998', 998],
  'agent.healing': ['suggest', 'suggest'],
  'agent.fence': ['false', false],
  'agent.attempts': ['9', 9],
  'redisCluster.replicas': ['0', 0],
  'redisCluster.nodeTimeoutMs': ['3000', 3000],
  'redisSentinel.sentinelMemory': ['99m', 99 * 1024 ** 2],
  'redisSentinel.routerMemory': ['99m', 99 * 1024 ** 2],
  'redisSentinel.maxConnections': ['77', 77],
  'redisSentinel.downAfterMs': ['3000', 3000],
  'cdn.size': ['64m', 64 * 1024 ** 2],
  'backup.sanitize': ['{ users: { email: hash } }', { users: { email: 'hash' } }],
  'backup.local.kind': ['folder', 'folder'],
  'backup.local.path': ['/mnt/disk', '/mnt/disk'],
  'backup.local.sameDisk': ['true', true],
  'backup.alert': ['[./notify, backup]', ['./notify', 'backup']],
  'backup.copies.sftp.host': ['far.example.org', 'far.example.org'],
  'backup.copies.sftp.user': ['store', 'store'],
  'backup.copies.sftp.path': ['/srv/far', '/srv/far'],
  'backup.copies.sftp.hostKeys': ['[ssh-ed25519 AAAA]', ['ssh-ed25519 AAAA']],
  'backup.copies.sftp.key': ['*no: #yaml "', '*no: #yaml "'],
  'backup.copies.s3.bucket': ['far', 'far'],
  'backup.copies.s3.endpoint': ['https://s3.example.org', 'https://s3.example.org'],
  'backup.copies.s3.region': ['eu-central-1', 'eu-central-1'],
  'backup.copies.s3.prefix': ['home', 'home'],
  'backup.copies.azure.container': ['far', 'far'],
  'backup.copies.azure.prefix': ['home', 'home'],
  'backup.copies.azure.sasUrl': ['*no: #yaml "', '*no: #yaml "'],
  'backup.copies.gcs.bucket': ['far', 'far'],
  'backup.copies.gcs.prefix': ['home', 'home'],
  'backup.copies.gcs.serviceAccount': ['{"type": "service_account"}', '{"type": "service_account"}'],
  'backup.maxAgeHours': ['26', 26],
  'backup.maxWalQueue': ['999m', 999 * 1024 ** 2],
};
/** Settings that mean something only together with another one. */
const AUTOSCALE = { MEDIANEST_APP_AUTOSCALE_MIN: '2', MEDIANEST_APP_AUTOSCALE_MAX: '9', MEDIANEST_APP_AUTOSCALE_IN_FLIGHT: '7' };
const TOGETHER: Record<string, Record<string, string>> = {
  ...Object.fromEntries(
    ['min', 'max', 'inFlight', 'cpuPercent', 'latencyMs', 'upSeconds', 'downSeconds', 'hostPressure'].map((key) => [
      `app.autoscale.${key}`,
      AUTOSCALE,
    ]),
  ),
  'edge.hsts.preload': { MEDIANEST_EDGE_HSTS_SUBDOMAINS: 'true' },
  'edge.waf.rules.archive': { MEDIANEST_EDGE_WAF_RULES_SHA256: 'a'.repeat(64) },
  'edge.waf.rules.sha256': { MEDIANEST_EDGE_WAF_RULES_ARCHIVE: './crs.tar.gz' },
  'backup.copies.sftp.host': { MEDIANEST_BACKUP_COPIES_SFTP_KEY: 'k', MEDIANEST_BACKUP_COPIES_SFTP_HOST_KEYS: '[ssh-ed25519 AAAA]' },
  'backup.copies.s3.bucket': {
    MEDIANEST_BACKUP_COPIES_S3_ENDPOINT: 'https://s3.example.org',
    MEDIANEST_BACKUP_COPIES_S3_ACCESS_KEY: 'a',
    MEDIANEST_BACKUP_COPIES_S3_SECRET_KEY: 's',
  },
  'backup.copies.azure.container': { MEDIANEST_BACKUP_COPIES_AZURE_SAS_URL: 'https://mine.blob.core.windows.net/far?sig=k' },
  'backup.copies.gcs.bucket': { MEDIANEST_BACKUP_COPIES_GCS_SERVICE_ACCOUNT: '{}' },
  'signOn.mail.host': { MEDIANEST_SIGN_ON_MAIL_FROM: 'films@example.org' },
  'signOn.mail.user': { MEDIANEST_SIGN_ON_MAIL_PASSWORD: 'p' },
  'signOn.ldap.url': { MEDIANEST_SIGN_ON_LDAP_BASE_DN: 'dc=example,dc=org' },
  'signOn.ldap.bindDn': { MEDIANEST_SIGN_ON_LDAP_BIND_PASSWORD: 'p' },
  'app.portal.mail.host': { MEDIANEST_APP_PORTAL_MAIL_FROM: 'medianest@example.org' },
  'app.portal.mail.user': { MEDIANEST_APP_PORTAL_MAIL_PASSWORD: 'p' },
  'app.portal.ntfy.url': { MEDIANEST_APP_PORTAL_NTFY_TOPIC: 'films' },
  'logs.url': { MEDIANEST_LOGS_STORE: 'elasticsearch' },
  'backup.local.kind': { MEDIANEST_BACKUP_LOCAL_PATH: '/mnt/disk' },
};
const KINDS: [RegExp, [string, unknown]][] = [
  [/[pP]ort$/, ['4321', 4321]],
  [/(memory|upload(Limit|Quota|ClientQuota)|diskReserve|waf\.bodyLimit)$/, ['99m', 99 * 1024 ** 2]],
  [/Path$/, ['/x', '/x']],
  [/address$/, ['0.0.0.0', '0.0.0.0']],
  [/(hsts|sticky|\.tls|readOnly)$/, ['true', true]],
  [/cpus$/, ['0.5', 0.5]],
  [/\.keep\.\w+$/, ['9', 9]],
  [/Seconds$/, ['12', 12]],
  [/([rR]eplicas?|[cC]onnections)$/, ['12', 12]],
  [/(password|token|apiKey|accessKey|secretKey)$/, ['*no: #yaml "', '*no: #yaml "']],
  [/(image|source)$/, ['./x', './x']],
];

describe('every setting', () => {
  const fields = leaves(settingsSchema(registry));
  it.each(fields.map(({ path: parts, secret }) => [variableName(parts), parts, secret] as const))(
    '%s sets its own',
    (name, parts, secret) => {
      const key = parts.join('.');
      const sample = SAMPLES[key] ?? KINDS.find(([pattern]) => pattern.test(key))?.[1];
      if (!sample) throw new Error(`no sample for ${key}: add one to this table`);
      const { settings } = load({ env: { ...TOGETHER[key], [name]: sample[0] } });
      const value = parts.reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], settings);
      if (secret) expect((value as Secret).reveal()).toBe(sample[1]);
      else if (key === 'components') expect(value).toMatchObject({ redis: true });
      else expect(value).toEqual(sample[1]);
    },
  );
});

describe('a secret given as a variable or a flag', () => {
  it.each(['*alias', '&x', '12345', 'true', 'a: b', 'p#q', '"quoted"', '{x', 'zwei\nzeilen\n', ' spaces ', '~', 'é🦊'])(
    'arrives byte for byte: %j',
    (value) => {
      expect(password({ env: { MEDIANEST_POSTGRES_PASSWORD: value } })).toBe(value);
      expect(password({ flags: { set: [`postgres.password=${value}`] } })).toBe(value);
    },
  );
  it('may still be a reference', () => {
    expect(password({ env: { MEDIANEST_POSTGRES_PASSWORD: '${OTHER}', OTHER: 'x=y' } })).toBe('x=y');
  });
});

describe('a reference', () => {
  const refused = (options: LoadOptions) => () => load(options);
  it.each([
    ['to what every object inherits', { file: 'postgres: { password: "${constructor}" }' }, /has no constructor/],
    ['to no file at all', { file: 'postgres: { password: "file:" }' }, /cannot be read/],
    ['to a folder', { file: 'postgres: { password: "file:." }' }, /cannot be read/],
  ])('%s is refused', (_name, options, message) => {
    expect(refused(options)).toThrow(message);
  });
  it('to a file that is not UTF-8 is refused, because it would arrive as something else', () => {
    const dir = temporaryFolder('latin');
    writeFileSync(path.join(dir, 'pw'), Buffer.from([0x70, 0xe9, 0x71]));
    expect(refused({ file: `postgres: { password: "file:${dir}/pw" }` })).toThrow(/not valid UTF-8/);
  });
  it('keeps a line end of a variable, and takes one Windows line end from a file', () => {
    expect(password({ file: 'postgres: { password: "${PW}" }', env: { PW: 'x\n' } })).toBe('x\n');
    expect(password({ file: 'postgres: { password: "file:pw" }', files: { pw: 'x\r\n' } })).toBe('x');
  });
});

describe('precedence', () => {
  it('lets --set win over the variable of the same setting, project and profile included', () => {
    const env = { MEDIANEST_PROJECT: 'from-env', MEDIANEST_PROFILE: 'dev' };
    const { settings } = load({ env, flags: { set: ['project=from-flag', 'profile=dev-compose'] } });
    expect([settings.project, settings.profile]).toEqual(['from-flag', 'dev-compose']);
  });
  it('tells where the profile was chosen', () => {
    expect(origins({}).profile).toBe('default');
    expect(origins({ file: 'version: 1\nprofile: dev\n' }).profile).toBe('medianest.yml:2');
    expect(origins({ env: { MEDIANEST_PROFILE: 'dev' } }).profile).toBe('$MEDIANEST_PROFILE');
    expect(origins({ flags: { profile: 'dev' } }).profile).toBe('--profile');
  });
  it('ignores empty variables', () => {
    expect(load({ env: { MEDIANEST_PROJECT: '', MEDIANEST_EDGE_HTTP_PORT: '' } }).settings.project).toBe('medianest');
  });
  it('takes a later --set before an earlier one, and a value with an equals sign whole', () => {
    const { settings } = load({ flags: { set: ['app.source=a', 'app.source=./b=c'] } });
    expect((settings.app as { source: string }).source).toBe('./b=c');
  });
});

describe('an IPv6 address', () => {
  const address = (options: LoadOptions) => (load(options).settings.edge as { address: unknown }).address;
  it.each([
    ['--set', { flags: { set: ['edge.address=::'] } }, '::'],
    ['--set, of one interface', { flags: { set: ['edge.address=2001:db8::7'] } }, '2001:db8::7'],
    ['a variable', { env: { MEDIANEST_EDGE_ADDRESS: '::1' } }, '::1'],
    ['a list', { flags: { set: ['edge.address=["0.0.0.0", "::"]'] } }, ['0.0.0.0', '::']],
    ['the file, quoted', { file: 'edge: { address: "::" }' }, '::'],
  ])('may come by %s', (_way, options, expected) => {
    expect(address(options)).toEqual(expected);
  });
  it('without quotes in the file is told with its fix', () => {
    expect(() => load({ file: 'edge:\n  address: ::\n' })).toThrow(
      expect.objectContaining({ code: 'BAD_YAML', hint: 'write an IPv6 address in quotes: "::"' }),
    );
  });
});

describe('an operator’s own profile', () => {
  it('replaces the shipped one of the same name', () => {
    const own = { files: { 'profiles/dev.yml': 'components: { redis: true }\n' } };
    expect(load(own).settings.components).toEqual({ redis: true });
  });
  it('is refused when it names a profile to run instead of itself', () => {
    const files = { 'profiles/mine.yml': 'extends: dev\nprofile: prod\n' };
    expect(() => load({ files, flags: { profile: 'mine' } })).toThrow(/profiles\/mine\.yml:2: profile: is not a setting of a profile/);
  });
  it('is listed from anywhere below the folder of medianest.yml', () => {
    const root = temporaryFolder('list');
    mkdirSync(path.join(root, 'profiles'), { recursive: true });
    mkdirSync(path.join(root, 'deep/er'), { recursive: true });
    writeFileSync(path.join(root, 'medianest.yml'), '');
    writeFileSync(path.join(root, 'profiles/mine.yml'), 'extends: dev\ndescription: my own\n');
    const list = listProfiles({ home: HOME, cwd: path.join(root, 'deep/er'), env: {}, registry, flags: {} });
    expect(list.find((profile) => profile.name === 'mine')).toMatchObject({ description: 'my own', extends: 'dev', missing: [] });
    expect(list.find((profile) => profile.name === 'dr')?.missing).toEqual(['standby']);
  });
  it('may extend a shipped one through ten levels', () => {
    const files = Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`profiles/p${i}.yml`, i === 9 ? 'extends: dev-compose\n' : `extends: p${i + 1}\n`]),
    );
    expect(load({ files, flags: { profile: 'p0' } }).settings.components).toMatchObject({ edge: true, postgres: true });
  });
});

it('does not pass over a medianest.yml that it cannot read', () => {
  expect(() => load({ files: { 'medianest.yml/x': 'a folder of that name' } })).toThrow(/medianest\.yml cannot be read \(EISDIR\)/);
});
