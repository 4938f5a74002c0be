import type { Evidence, HostFile, HostFileName, Seen } from '../../src/compliance/plan/evidence.ts';
import { complianceReport } from '../../src/compliance/plan/report.ts';
import type { ContainerSecurity } from '../../src/docker/security-types.ts';
import { NASTY } from './report-sample.ts';

export const hardenedContainer = (service: string, more: Partial<ContainerSecurity> = {}): ContainerSecurity => ({
  name: `shop-${service}-1`,
  service,
  image: `medianest/${service}:1`,
  built: true,
  running: true,
  user: '10001:10001',
  privileged: false,
  capAdd: [],
  capDrop: ['ALL'],
  readOnlyRoot: true,
  securityOptions: ['no-new-privileges:true'],
  appArmor: 'docker-default',
  processLabel: 'system_u:system_r:container_t:s0:c1,c2',
  memory: 2 ** 27,
  limitsCpu: true,
  pids: 256,
  restart: 'on-failure:5',
  networkMode: 'shop_app',
  pidMode: '',
  ipcMode: 'private',
  utsMode: '',
  usernsMode: '',
  cgroupParent: '',
  devices: [],
  ulimits: ['nofile'],
  publishesAll: false,
  ports: [],
  mounts: [{ source: '/srv/shop/.medianest/config/app', target: '/etc/medianest', writable: false, propagation: 'rprivate', host: true }],
  checksHealth: true,
  logDriver: 'json-file',
  logOptions: { 'max-size': '10m', 'max-file': '3' },
  networks: ['shop_app'],
  secretVariables: [],
  programs: ['node'],
  ...more,
});

const file = (path: string, mode: number, group = 'root'): { value: HostFile[] } => ({
  value: [{ path, there: { uid: 0, gid: 0, group, mode } }],
});

const HOST_FILES: Evidence['hostFiles'] = {
  'docker.service': file('/lib/systemd/system/docker.service', 0o644),
  'docker.socket': file('/lib/systemd/system/docker.socket', 0o644),
  '/etc/docker': file('/etc/docker', 0o755),
  'registry certificates': file('/etc/docker/certs.d/r/ca.crt', 0o444),
  'TLS CA': file('/etc/docker/ca.pem', 0o444),
  'TLS certificate': file('/etc/docker/cert.pem', 0o444),
  'TLS key': file('/etc/docker/key.pem', 0o400),
  'engine socket': file('/run/docker.sock', 0o660, 'docker'),
  'daemon.json': file('/etc/docker/daemon.json', 0o644),
  '/etc/default/docker': file('/etc/default/docker', 0o644),
  '/etc/sysconfig/docker': file('/etc/sysconfig/docker', 0o644),
  'containerd socket': file('/run/containerd/containerd.sock', 0o660),
};

/** Every point that can be met is met by this. */
export const goodEvidence = (): Evidence => ({
  engine: {
    version: '29.1.0',
    rootless: true,
    remapped: false,
    appArmor: true,
    selinux: true,
    seccomp: 'builtin',
    noNewPrivileges: true,
    liveRestore: true,
    experimental: false,
    storageDriver: 'overlay2',
    loggingDriver: 'json-file',
    swarm: false,
    insecureRegistries: [],
    authorizationPlugins: ['opa'],
    defaultBridgeOpen: false,
    images: 12,
    warnings: [],
  },
  containers: [
    hardenedContainer('edge', { ports: [{ address: '192.0.2.7', host: 8443, container: 8443 }] }),
    hardenedContainer('app-1'),
    hardenedContainer('postgres'),
  ],
  networks: [
    { name: 'shop_dmz', internal: false },
    { name: 'shop_db', internal: true },
  ],
  guests: [],
  wantedPorts: [8443],
  daemon: {
    options: { 'log-level': 'info', hosts: ['fd://', 'tcp://192.0.2.7:2376'], tlsverify: true, 'userland-proxy': false },
    from: '/etc/docker/daemon.json',
  },
  hostFiles: HOST_FILES,
  auditRules: {
    watched: ['/usr/bin', '/run/containerd', '/var/lib/docker', '/etc', '/lib/systemd/system'],
    existing: [
      ...['/usr/bin/dockerd', '/run/containerd', '/var/lib/docker', '/etc/docker', '/lib/systemd/system/docker.service'],
      ...['/run/containerd/containerd.sock', '/lib/systemd/system/docker.socket', '/etc/default/docker', '/etc/docker/daemon.json'],
      ...['/etc/containerd/config.toml', '/etc/sysconfig/docker', '/usr/bin/containerd', '/usr/bin/containerd-shim'],
      ...['/usr/bin/containerd-shim-runc-v1', '/usr/bin/containerd-shim-runc-v2', '/usr/bin/runc'],
    ],
  },
  dockerGroup: [],
  engineStorage: storage('/var/lib/docker'),
  stateStorage: storage('/srv/shop/.medianest'),
  dataStorage: { volumes: [{ name: 'shop_postgres-1', storage: storage('/var/lib/docker') }], keyBeside: undefined },
  stateFiles: [{ path: '/srv/shop/.medianest/secrets.json', mode: 0o600, most: 0o600 }],
  clock: { synchronized: true },
  edge: {
    at: 'https://192.0.2.7:8443',
    local: false,
    versions: { TLSv1: false, 'TLSv1.1': false, 'TLSv1.2': true, 'TLSv1.3': true },
    preferred: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    trusted: true,
    page: {
      status: 200,
      headers: {
        'strict-transport-security': 'max-age=63072000',
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'self'",
        'x-content-type-options': 'nosniff',
        'set-cookie': ['__Host-session=1; Path=/; Secure; HttpOnly'],
      },
    },
    plain: { status: 301, headers: { location: 'https://shop.example/' } },
    oversized: 413,
  },
  inside: { certificates: [{ name: 'edge', status: 'ok', cause: undefined }], plain: [] },
  waf: { mode: 'block', text: 'OWASP CRS 4.28.0' },
  limits: { requests: true, login: true },
  firewall: { state: 'active', drift: [], enabled: true },
  auditLog: { entries: 12, valid: true, problem: undefined },
  backups: {
    sets: 9,
    newestHours: 0.5,
    oldestDays: 40,
    damaged: [],
    drillDays: 6,
    verifiedDays: 1,
    cipher: 'aes-256-cbc (pgBackRest), AES-256 (restic)',
    copies: ['sftp'],
    kitProblem: undefined,
    maxAgeHours: 2,
    keep: 'daily 7, yearly 3',
  },
  logs: { store: 'elasticsearch', days: 14, problem: undefined, remote: true, edge: { client: true, query: false, agent: true } },
  monitoring: { alertChannels: ['desk'], relayRuns: true },
  recipients: [{ what: 'backups by SFTP', where: 'backup.example.org' }],
  signOn: [],
});

function storage(path: string): Evidence['engineStorage'] {
  const encryption = { state: 'encrypted', by: 'LUKS2 on data' } as const;
  return { path, type: 'ext4', point: '/srv', options: [], freeBytes: 1e9, sizeBytes: 2e9, freeFiles: 1e6, encryption };
}

export const seenOf = (evidence: Evidence): Seen =>
  Object.fromEntries(Object.entries(evidence).map(([name, value]) => [name, { value }])) as unknown as Seen;

export const blindSeen = (why = 'the engine does not answer'): Seen =>
  Object.fromEntries(Object.keys(goodEvidence()).map((name) => [name, { unknown: why, fix: '`medianest up`' }])) as unknown as Seen;

export const withMode = (name: HostFileName, mode: number, uid = 0): Evidence['hostFiles'] => {
  const entry = HOST_FILES[name] as { value: HostFile[] };
  const [{ path, there }] = entry.value as [HostFile & { there: object }];
  return { ...HOST_FILES, [name]: { value: [{ path, there: { ...(there as NonNullable<HostFile['there']>), mode, uid } }] } };
};

const ABOUT = { project: `shop${NASTY}`, profile: 'prod', version: '0.4.0', at: '2026-11-30T08:00:00.000Z' };

/** A report with something of every verdict, and names as nasty as names can be. */
export function sampleCompliance() {
  const good = goodEvidence();
  const bad = hardenedContainer(`evil${NASTY}`, { privileged: true, secretVariables: [`${NASTY}_TOKEN`] });
  const seen = { ...seenOf({ ...good, containers: [...good.containers, bad] }), clock: { unknown: `systemd says ${NASTY}` } };
  return complianceReport(seen, ABOUT, ['edge', `gone${NASTY}`]);
}

export const blindCompliance = () => complianceReport(blindSeen(), { ...ABOUT, project: 'shop' });
