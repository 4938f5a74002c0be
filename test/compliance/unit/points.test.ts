import { describe, expect, it } from 'vitest';
import type { Evidence, HostFileName } from '../../../src/compliance/plan/evidence.ts';
import type { Verdict } from '../../../src/compliance/plan/point.ts';
import { POINTS } from '../../../src/compliance/plan/points.ts';
import type { ContainerSecurity } from '../../../src/docker/security-types.ts';
import { blindSeen, goodEvidence, hardenedContainer, seenOf, withMode } from '../../support/compliance-sample.ts';

type Change = (good: Evidence) => Partial<Evidence>;

const judged = (id: string, change: Change = () => ({})) => {
  const good = goodEvidence();
  const point = POINTS.find((one) => one.id === id);
  if (!point) throw new Error(`no point ${id}`);
  return point.judge(seenOf({ ...good, ...change(good) }));
};

const engine =
  (more: Partial<Evidence['engine']>): Change =>
  ({ engine: own }) => ({ engine: { ...own, ...more } });
const daemon =
  (more: Evidence['daemon']['options']): Change =>
  ({ daemon: own }) => ({
    daemon: { ...own, options: { ...own.options, ...more } },
  });
const container =
  (more: Partial<ContainerSecurity>): Change =>
  ({ containers }) => ({
    containers: [...containers, hardenedContainer('extra', more)],
  });
const edge =
  (more: Partial<Evidence['edge']>): Change =>
  ({ edge: own }) => ({ edge: { ...own, ...more } });
const page =
  (headers: Evidence['edge']['page']['headers']): Change =>
  ({ edge: own }) => ({
    edge: { ...own, page: { status: 200, headers: { ...own.page.headers, ...headers } } },
  });
const backups =
  (more: Partial<Evidence['backups']>): Change =>
  ({ backups: own }) => ({ backups: { ...own, ...more } });
const logs =
  (more: Partial<Evidence['logs']>): Change =>
  ({ logs: own }) => ({ logs: { ...own, ...more } });
const plainDisk =
  (name: 'engineStorage' | 'stateStorage'): Change =>
  (good) => ({
    [name]: { ...good[name], encryption: { state: 'plain' } },
  });
/** One volume more, of such a disk. */
const volume =
  (encryption: Evidence['engineStorage']['encryption']): Change =>
  ({ dataStorage, stateStorage }) => ({
    dataStorage: {
      ...dataStorage,
      volumes: [...dataStorage.volumes, { name: 'shop_uploads', storage: { ...stateStorage, encryption } }],
    },
  });
const both =
  (...changes: Change[]): Change =>
  (good) =>
    Object.assign({}, ...changes.map((change) => change(good)));

const FILES: readonly (readonly [HostFileName, owner: string, mode: string])[] = [
  ['docker.service', '3.1', '3.2'],
  ['docker.socket', '3.3', '3.4'],
  ['/etc/docker', '3.5', '3.6'],
  ['registry certificates', '3.7', '3.8'],
  ['TLS CA', '3.9', '3.10'],
  ['TLS certificate', '3.11', '3.12'],
  ['TLS key', '3.13', '3.14'],
  ['engine socket', '3.15', '3.16'],
  ['daemon.json', '3.17', '3.18'],
  ['/etc/default/docker', '3.19', '3.20'],
  ['/etc/sysconfig/docker', '3.22', '3.21'],
  ['containerd socket', '3.23', '3.24'],
];

const OVERSIZED_BOUND: Change = container({ logOptions: {} });
const EVERYWHERE = [{ address: '0.0.0.0', host: 8443, container: 8443 }];

/** What makes each point open that evidence can open. */
const OPENED: readonly (readonly [id: string, change: Change])[] = [
  ['cis-1.1.1', ({ engineStorage }) => ({ engineStorage: { ...engineStorage, point: '/' } })],
  ...Array.from(
    { length: 16 },
    (_, index) => [`cis-1.1.${index + 3}`, ({ auditRules }: Evidence) => ({ auditRules: { ...auditRules, watched: [] } })] as const,
  ),
  ['cis-1.2.2', engine({ version: '20.10.24' })],
  ['cis-2.1', engine({ rootless: false })],
  ['cis-2.2', engine({ defaultBridgeOpen: true })],
  ['cis-2.3', daemon({ 'log-level': 'debug' })],
  ['cis-2.4', daemon({ iptables: false })],
  ['cis-2.5', engine({ insecureRegistries: ['10.0.0.0/8'] })],
  ['cis-2.6', engine({ storageDriver: 'aufs' })],
  ['cis-2.7', engine({ storageDriver: 'devicemapper' })],
  ['cis-2.8', daemon({ tlsverify: false })],
  ['cis-2.9', container({ ulimits: [] })],
  ['cis-2.10', engine({ rootless: false })],
  ['cis-2.12', both(engine({ storageDriver: 'devicemapper' }), daemon({ 'storage-opts': ['dm.basesize=50G'] }))],
  ['cis-2.13', engine({ authorizationPlugins: [] })],
  ['cis-2.14', logs({ remote: false, store: 'files' })],
  ['cis-2.15', both(engine({ noNewPrivileges: false }), container({ securityOptions: [] }))],
  ['cis-2.16', engine({ liveRestore: false })],
  ['cis-2.17', daemon({ 'userland-proxy': true })],
  ['cis-2.18', engine({ seccomp: 'unconfined' })],
  ['cis-2.19', engine({ experimental: true })],
  ...FILES.flatMap(([name, owner, mode]) => [
    [`cis-${owner}`, () => ({ hostFiles: withMode(name, 0o400, 1000) })] as const,
    [`cis-${mode}`, () => ({ hostFiles: withMode(name, 0o777) })] as const,
  ]),
  ['cis-4.1', container({ user: '' })],
  ['cis-4.6', container({ checksHealth: false })],
  ['cis-4.10', container({ secretVariables: ['DB_PASSWORD'] })],
  ['cis-5.1', engine({ swarm: true })],
  ['cis-5.2', container({ appArmor: 'unconfined' })],
  ['cis-5.3', container({ processLabel: '' })],
  ['cis-5.4', container({ capAdd: ['NET_ADMIN'] })],
  ['cis-5.5', container({ privileged: true })],
  ['cis-5.6', container({ mounts: [{ source: '/etc/ssl', target: '/x', writable: false, propagation: '', host: true }] })],
  ['cis-5.7', container({ programs: ['bash', 'sshd'] })],
  ['cis-5.8', container({ ports: [{ address: '192.0.2.7', host: 443, container: 8443 }] })],
  ['cis-5.9', container({ ports: [{ address: '192.0.2.7', host: 5432, container: 5432 }] })],
  ['cis-5.10', container({ networkMode: 'host' })],
  ['cis-5.11', container({ memory: 0 })],
  ['cis-5.12', container({ limitsCpu: false })],
  ['cis-5.13', container({ readOnlyRoot: false })],
  ['cis-5.14', container({ ports: EVERYWHERE })],
  ['cis-5.15', container({ restart: 'always' })],
  ['cis-5.16', container({ pidMode: 'host' })],
  ['cis-5.17', container({ ipcMode: 'host' })],
  ['cis-5.18', container({ devices: ['/dev/kvm'] })],
  ['cis-5.19', container({ ulimits: [] })],
  ['cis-5.20', container({ mounts: [{ source: '/srv', target: '/x', writable: false, propagation: 'rshared', host: true }] })],
  ['cis-5.21', container({ utsMode: 'host' })],
  ['cis-5.22', container({ securityOptions: ['seccomp=unconfined'] })],
  ['cis-5.25', container({ cgroupParent: '/other' })],
  ['cis-5.26', container({ securityOptions: [] })],
  ['cis-5.27', container({ checksHealth: false })],
  ['cis-5.29', container({ pids: 0 })],
  ['cis-5.30', container({ networks: ['bridge'] })],
  ['cis-5.31', container({ usernsMode: 'host' })],
  ['cis-5.32', container({ mounts: [{ source: '/var/run/docker.sock', target: '/x', writable: false, propagation: '', host: true }] })],
  ['cis-6.2', container({ running: false })],
  ['asvs-v3.2.1', page({ 'content-security-policy': undefined })],
  ['asvs-v3.3.1', page({ 'set-cookie': ['session=1; Secure'] })],
  ['asvs-v3.4.1', page({ 'strict-transport-security': 'max-age=300' })],
  ['asvs-v3.4.2', page({ 'access-control-allow-origin': 'https://foreign.invalid' })],
  ['asvs-v4.1.1', page({ 'content-type': 'text/html' })],
  ['asvs-v4.4.1', edge({ plain: { status: 200, headers: {} } })],
  ['asvs-v5.2.1', edge({ oversized: 200 })],
  ['asvs-v6.3.1', () => ({ limits: { requests: true, login: false } })],
  ['asvs-v11.3.1', edge({ cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA' })],
  ['asvs-v11.3.2', edge({ cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA' })],
  ['asvs-v12.1.1', edge({ versions: { TLSv1: false, 'TLSv1.1': true, 'TLSv1.2': true, 'TLSv1.3': true } })],
  ['asvs-v12.2.1', edge({ plain: { status: 200, headers: {} } })],
  ['asvs-v12.2.2', edge({ trusted: 'SELF_SIGNED_CERT_IN_CHAIN' })],
  ['gdpr-5-1-c-logs', logs({ edge: { client: true, query: true, agent: true } })],
  ['gdpr-5-1-e-logs', logs({ store: 'off' })],
  ['gdpr-5-1-e-engine', OVERSIZED_BOUND],
  ['gdpr-5-2', () => ({ auditLog: { entries: 3, valid: false, problem: 'line 2: it was changed' } })],
  ['gdpr-25-reach', both(container({ ports: EVERYWHERE }), () => ({ firewall: { state: 'off', drift: [], enabled: false } }))],
  ['gdpr-32-1-a-transit', edge({ plain: { status: 200, headers: {} } })],
  ['gdpr-32-1-a-inside', () => ({ inside: { certificates: [{ name: 'edge', status: 'expired', cause: undefined }], plain: [] } })],
  ['gdpr-32-1-a-data', volume({ state: 'plain' })],
  ['gdpr-32-1-a-data', ({ dataStorage }) => ({ dataStorage: { ...dataStorage, keyBeside: '/srv/shop/.medianest/encryption.key' } })],
  ['gdpr-32-1-a-secrets', plainDisk('stateStorage')],
  ['gdpr-32-1-a-backups', backups({ cipher: 'none' })],
  ['gdpr-32-1-b-secrets', () => ({ stateFiles: [{ path: '/s/secrets.json', mode: 0o644, most: 0o600 }] })],
  ['gdpr-32-1-b-networks', () => ({ networks: [{ name: 'shop_db', internal: false }] })],
  ['gdpr-32-1-b-attacks', () => ({ waf: { mode: 'detect', text: 'OWASP CRS' } })],
  ['gdpr-32-1-b-firewall', () => ({ firewall: { state: 'gone', drift: ['another program has removed the rules'], enabled: true } })],
  ['gdpr-32-1-b-clock', () => ({ clock: { synchronized: false } })],
  ['gdpr-32-1-c-backups', backups({ newestHours: 30 })],
  ['gdpr-32-1-c-copies', backups({ copies: [] })],
  ['gdpr-32-1-c-kit', backups({ kitProblem: 'the recovery kit is stale' })],
  ['gdpr-32-1-d-drills', backups({ drillDays: null })],
  ['gdpr-32-1-d-verified', backups({ verifiedDays: 400 })],
  ['gdpr-33-alerts', () => ({ monitoring: { alertChannels: [], relayRuns: false } })],
  ['gdpr-33-traces', logs({ store: 'off' })],
];

/** Beside those: verdicts that are neither. */
const ELSE: readonly (readonly [id: string, verdict: Verdict, change: Change])[] = [
  ['cis-1.1.2', 'by-hand', () => ({ dockerGroup: ['alice'] })],
  ['cis-2.8', 'not-applicable', daemon({ hosts: ['fd://'] })],
  ['cis-2.8', 'open', engine({ warnings: ['[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375 without encryption'] })],
  ['cis-2.11', 'by-hand', daemon({ 'cgroup-parent': '/shop' })],
  ['cis-4.2', 'by-hand', container({ built: false, image: 'ghcr.io/you/app:1' })],
  ['cis-3.9', 'not-applicable', ({ hostFiles }) => ({ hostFiles: { ...hostFiles, 'TLS CA': { value: [] } } })],
  ['cis-3.9', 'cannot-tell', ({ hostFiles }) => ({ hostFiles: { ...hostFiles, 'TLS CA': { unknown: 'x' } } })],
  ['cis-5.2', 'not-applicable', engine({ appArmor: false })],
  ['cis-5.7', 'cannot-tell', container({ programs: undefined })],
  ['cis-5.15', 'met', container({ restart: 'no' })],
  ...['/', '/var', '/run', '/var/run/', '/run/podman/podman.sock'].map(
    (source) =>
      ['cis-5.32', 'open', container({ mounts: [{ source, target: '/x', writable: false, propagation: '', host: true }] })] as const,
  ),
  ...['/run/user/1000', '/run/user/1000/docker.sock', '/srv/engine.sock', '/run/containerd/'].map(
    (source) =>
      ['cis-5.32', 'open', container({ mounts: [{ source, target: '/x', writable: false, propagation: '', host: true }] })] as const,
  ),
  ...['/', '/var', '/var/lib/', '/var/lib/docker', '/var/lib/docker/volumes/a/_data', '/root/.ssh', '/sbin'].map(
    (source) =>
      ['cis-5.6', 'open', container({ mounts: [{ source, target: '/x', writable: false, propagation: '', host: true }] })] as const,
  ),
  [
    'cis-5.6',
    'met',
    container({ mounts: [{ source: '/var/lib/docker/volumes/a/_data', target: '/x', writable: true, propagation: '', host: false }] }),
  ],
  [
    'cis-5.6',
    'met',
    container({
      mounts: [{ source: '/root/shop/.medianest/certs/edge', target: '/x', writable: false, propagation: '', host: true, own: true }],
    }),
  ],
  ['cis-5.6', 'met', container({ mounts: [{ source: '/etcetera', target: '/x', writable: true, propagation: '', host: true }] })],
  ...['/var/lib/docker/volumes/a/_data', '/srv/run', '/runs'].map(
    (source) =>
      ['cis-5.32', 'met', container({ mounts: [{ source, target: '/x', writable: true, propagation: '', host: true }] })] as const,
  ),
  ['asvs-v3.3.1', 'by-hand', page({ 'set-cookie': undefined })],
  ['asvs-v3.3.1', 'cannot-tell', edge({ page: { status: 503, headers: {} } })],
  ['asvs-v3.4.2', 'cannot-tell', edge({ page: { status: 502, headers: {} } })],
  ['asvs-v5.2.1', 'cannot-tell', edge({ oversized: 0 })],
  ['asvs-v4.1.1', 'cannot-tell', edge({ page: { status: 302, headers: { location: '/auth/', 'content-type': 'text/html' } } })],
  ['asvs-v12.1.1', 'cannot-tell', edge({ versions: { TLSv1: undefined, 'TLSv1.1': false, 'TLSv1.2': true, 'TLSv1.3': true } })],
  ['asvs-v12.2.1', 'cannot-tell', edge({ plain: { status: 0, headers: {} } })],
  ['asvs-v12.2.1', 'met', edge({ plain: undefined })],
  ['asvs-v12.2.2', 'not-applicable', edge({ trusted: 'SELF_SIGNED_CERT_IN_CHAIN', local: true })],
  ['asvs-v10.4.1', 'by-hand', () => ({ signOn: ['sign-on'] })],
  ['gdpr-25-reach', 'by-hand', container({ ports: EVERYWHERE })],
  [
    'gdpr-25-reach',
    'cannot-tell',
    both(container({ ports: EVERYWHERE }), () => ({ firewall: { state: 'unknown', drift: [], enabled: true } })),
  ],
  ['gdpr-25-reach', 'met', both(container({ ports: EVERYWHERE }), () => ({ signOn: ['sign-on'] }))],
  ['gdpr-32-1-a-data', 'cannot-tell', volume({ state: 'unknown', why: 'x' })],
  // `storage.encrypt` on a plain disk: what containers print stays on it.
  ['gdpr-32-1-a-data', 'by-hand', plainDisk('engineStorage')],
  ['gdpr-32-1-a-data', 'by-hand', both(plainDisk('engineStorage'), volume({ state: 'encrypted', by: 'fscrypt on ext4' }))],
  ['gdpr-32-1-a-data', 'open', both(plainDisk('engineStorage'), () => ({ dataStorage: { volumes: [], keyBeside: undefined } }))],
  ['gdpr-32-1-a-backups', 'cannot-tell', backups({ cipher: undefined })],
  ['gdpr-32-1-b-firewall', 'cannot-tell', () => ({ firewall: { state: 'unknown', drift: [], enabled: true } })],
  ['gdpr-32-1-c-backups', 'open', backups({ sets: 0, newestHours: null })],
  ['gdpr-32-1-a-inside', 'open', ({ inside }) => ({ inside: { ...inside, plain: ['app to redis'] } })],
  ['gdpr-33-alerts', 'open', () => ({ monitoring: { alertChannels: ['desk'], relayRuns: false } })],
];

const NEVER_OPEN = POINTS.filter(({ needs }) => needs.length === 0).map(({ id }) => id);

describe('a stack and host as good as they can be', () => {
  it.each(POINTS.map(({ id }) => id))('%s is not open, and says what was seen', (id) => {
    const { verdict, evidence } = judged(id);
    expect(['met', 'by-hand', 'not-applicable']).toContain(verdict);
    expect(evidence).toMatch(/\w{2}/);
  });
});

describe.each(OPENED)('%s', (id, change) => {
  it('is open where it is not met, with its fix, and was not so before', () => {
    expect(judged(id, change)).toMatchObject({ verdict: 'open', fix: expect.stringMatching(/\w/) });
    expect(judged(id).verdict).not.toBe('open');
  });
});

it.each(ELSE)('%s may be %s', (id, verdict, change) => {
  expect(judged(id, change).verdict).toBe(verdict);
});

describe('without evidence', () => {
  it.each(POINTS.filter(({ needs }) => needs.length > 0).map((point) => [point.id, point] as const))('%s cannot be told', (_id, point) => {
    expect(point.judge(blindSeen('it is dark'))).toEqual({ verdict: 'cannot-tell', evidence: 'it is dark', fix: '`medianest up`' });
  });
  it('each part alone is enough to know nothing', () => {
    for (const point of POINTS)
      for (const part of point.needs) {
        const seen = { ...seenOf(goodEvidence()), [part]: { unknown: 'it is dark' } };
        expect(point.judge(seen), `${point.id} without ${part}`).toMatchObject({ verdict: 'cannot-tell' });
      }
  });
  it('what nothing is needed for is for a person', () => {
    for (const id of NEVER_OPEN) expect(judged(id).verdict).toBe('by-hand');
  });
});

it('has each point once, and no point that evidence judges is without a case that opens it', () => {
  expect(new Set(POINTS.map(({ id }) => id)).size).toBe(POINTS.length);
  const tried = new Set([...OPENED, ...ELSE].map(([id]) => id));
  const met = POINTS.filter(({ id }) => judged(id).verdict === 'met').map(({ id }) => id);
  expect(met.filter((id) => !tried.has(id))).toEqual([]);
  expect(POINTS.filter(({ standard }) => standard === 'asvs')).toHaveLength(70);
});

describe('what a part of the stack needs', () => {
  const of = (service: string, more: Partial<ContainerSecurity>): Change => container({ service, ...more });
  it.each([
    ['cis-5.4', of('vpn', { capAdd: ['NET_ADMIN'] }), 'leave `components.vpn` off'],
    ['cis-5.4', of('vpn', { capAdd: ['NET_ADMIN', 'SETGID', 'SETUID'] }), 'leave `components.vpn` off'],
    ['cis-5.4', of('suricata', { capAdd: ['NET_RAW'] }), 'leave `components.suricata` off'],
    ['cis-5.7', of('bastion', { programs: ['sshd'] }), 'leave `components.bastion` off'],
    ['cis-5.18', of('vpn', { devices: ['/dev/net/tun'] }), 'leave `components.vpn` off'],
  ])('is no mistake of the operator’s: %s', (id, change, advice) => {
    const { verdict, fix } = judged(id, change);
    expect([verdict, fix]).toEqual(['open', expect.stringContaining(advice)]);
    expect(fix).not.toMatch(/override|remove/);
  });

  it.each([
    ['cis-5.4', of('suricata', { capAdd: ['NET_RAW', 'SYS_ADMIN'] })],
    ['cis-5.4', of('vpn', { capDrop: [] })],
    ['cis-5.18', of('vpn', { devices: ['/dev/net/tun', '/dev/sda'] })],
  ])('explains no more than that: %s', (id, change) => {
    const { verdict, fix } = judged(id, change);
    expect([verdict, fix]).toEqual(['open', expect.stringContaining('compose.override.yml')]);
    expect(fix).not.toContain('accept');
  });

  it('sign-on slows guessing at an account, and says so beside the limit of the edge', () => {
    const signOn = { signOn: ['sign-on'] };
    expect(judged('asvs-v6.3.1', () => signOn).evidence).toBe(
      'sign-on makes an account wait after three wrong passwords; the edge limits attempts for each address (`edge.login`)',
    );
    const off = judged('asvs-v6.3.1', ({ limits }) => ({ ...signOn, limits: { ...limits, login: false } }));
    expect([off.verdict, off.evidence]).toEqual(['open', expect.stringContaining('nothing limits the attempts of one address')]);
    expect(judged('asvs-v6.1.1', () => signOn).evidence).toContain('sign-on makes an account wait');
  });

  it('hides no other container', () => {
    const { fix } = judged('cis-5.4', ({ containers }) => ({
      containers: [
        ...containers,
        hardenedContainer('extra', { service: 'vpn', capAdd: ['NET_ADMIN'] }),
        hardenedContainer('app-1', { capAdd: ['SYS_ADMIN'] }),
      ],
    }));
    expect(fix).toMatch(/components\.vpn.*compose\.override\.yml/s);
  });
});

it('tells folders of the host that containers can write to, as evidence', () => {
  const mount = { source: '/srv/media', target: '/media', writable: true, propagation: '', host: true };
  expect(judged('cis-5.6', container({ mounts: [mount] })).evidence).toMatch(
    /; folders of the host to write to: shop-extra-1 \(\/srv\/media\)$/,
  );
  expect(judged('cis-5.6', container({ mounts: [{ ...mount, writable: false }] })).evidence).toMatch(
    /; folders of the host to write to: none$/,
  );
});
