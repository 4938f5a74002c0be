import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { toEngineInfo } from '../../../src/docker/engine-info.ts';
import { leftoversOf } from '../../../src/doctor/doctor.ts';
import { withSetting } from '../../../src/doctor/doctor-fix.ts';
import { examine } from '../../../src/host/plan/examine.ts';
import type { DoctorFacts, HostFacts, StorageFacts } from '../../../src/host/plan/facts.ts';
import { describeFix } from '../../../src/host/plan/finding.ts';
import { OVERCOMMIT } from '../../../src/host/plan/machine.ts';
import { buildxEnvironment } from '../../../src/images/store/buildx-home.ts';
import { load, stackOf } from '../../support/settings.ts';

const GIB = 1024 ** 3;
const prod = stackOf(load({ flags: { profile: 'prod' } }));
/** What its containers may use together. */
const LIMITS = prod.services.filter(({ oneOff }) => !oneOff).reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);

const disk: StorageFacts = {
  path: '/data',
  type: 'ext4',
  point: '/',
  options: ['rw'],
  freeBytes: 50 * GIB,
  sizeBytes: 100 * GIB,
  freeFiles: 1e6,
  encryption: { state: 'encrypted', by: 'LUKS2 on root' },
};

const VERSION = { Version: '28.1.0', Arch: 'amd64' };
const INFO = { Name: 'host', MemTotal: 64 * GIB, DockerRootDir: '/var/lib/docker', Driver: 'overlay2', CgroupVersion: '2' };
const engine = (version: object = {}, info: object = {}) => toEngineInfo({ ...VERSION, ...version }, { ...INFO, ...info });

/** As an engine from 28 on runs it. */
const isolated = {
  ...prod,
  networks: prod.networks.map((network) => ({ ...network, ...(network.internal && { isolated: true as const }) })),
};

/** A machine with nothing wrong. */
function facts(more: Partial<DoctorFacts> = {}, host: Partial<HostFacts> = {}): DoctorFacts {
  return {
    tool: { version: '1.0.0', node: '22.0.0', arch: 'x64' },
    settings: { file: 'medianest.yml', profile: 'prod' },
    engine: engine(),
    engineAt: { label: '/var/run/docker.sock', sameMachine: true },
    compose: { version: '2.40.0' },
    stack: prod,
    ranges: { moved: [], covers: [], reached: [] },
    layout: undefined,
    runningServices: new Set(),
    missingImages: [],
    foreign: undefined,
    leftovers: [],
    ...more,
    host: {
      totalMemory: 8 * GIB,
      availableMemory: 60 * GIB,
      swapBytes: 0,
      kernel: { 'vm.overcommit_memory': 1, 'net.ipv4.ip_forward': 1 },
      storage: { engine: { ...disk, path: '/var/lib/docker' }, state: disk },
      unwritable: undefined,
      files: [{ path: '/data/secrets.json', what: 'the secrets', mode: 0o600, most: 0o600 }],
      clock: { synchronized: true, engineSkewSeconds: 0 },
      resolvers: ['192.168.1.1'],
      names: [],
      addresses: ['127.0.0.1', '192.168.1.5'],
      ipv6: false,
      firewall: undefined,
      ports: [
        { address: '0.0.0.0', port: 80, setting: 'edge.httpPort', takenBy: undefined, ours: false },
        { address: '0.0.0.0', port: 443, setting: 'edge.httpsPort', takenBy: undefined, ours: true },
      ],
      ...host,
    },
  };
}

const storage = (more: Partial<StorageFacts>) => ({ storage: { engine: { ...disk, path: '/var/lib/docker', ...more } } });
const file = (mode: number) => ({ files: [{ path: '/s', what: 'the secrets', mode, most: 0o600 }] });
const port = (more: object) => ({
  ports: [{ address: '0.0.0.0', port: 443, setting: 'edge.httpsPort', takenBy: undefined, ours: false, ...more }],
});
const both = { ipv6: true, ports: [...port({}).ports, ...port({ address: '::' }).ports] };
const name = (more: object) => ({ names: [{ name: 'media.example', setting: 'edge.domains', addresses: [], own: true, ...more }] });

it('finds nothing wrong with a machine that has nothing wrong', () => {
  const report = examine(facts());
  expect(report.checks.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(report.status).toBe('ok');
});

type Case = [
  what: string,
  id: string,
  status: 'ok' | 'warn' | 'fail',
  words: string,
  more?: Partial<DoctorFacts>,
  host?: Partial<HostFacts>,
];
const problem = { message: 'it is away', remedy: 'start it' };
const cases: Case[] = [
  ['a 32-bit Node.js', 'tool', 'fail', '64-bit', { tool: { version: '1', node: '20', arch: 'arm' } }],
  ['settings that are wrong', 'settings', 'fail', 'it is away', { settings: problem }],
  ['no engine', 'engine', 'fail', 'it is away', { engine: problem }],
  ['no Compose', 'compose', 'fail', 'it is away', { compose: problem }],
  ['an old engine', 'engine', 'fail', '25 or newer', { engine: engine({ Version: '24.0.9' }) }],
  ['Podman', 'engine', 'fail', 'Podman', { engine: engine({ Version: '5.4.0', Components: [{ Name: 'Podman Engine' }] }) }],
  ['a 32-bit engine', 'engine.arch', 'fail', 'arm', { engine: engine({ Arch: 'arm' }) }],
  [
    'a rootless engine',
    'engine.rootless',
    'warn',
    'one and the same address',
    { engine: engine({}, { SecurityOptions: ['name=rootless'] }) },
  ],
  ['remapped users', 'engine.userns', 'fail', 'userns-remap', { engine: engine({}, { SecurityOptions: ['name=userns'] }) }],
  ['an engine elsewhere', 'engine.remote', 'fail', 'another machine (host)', { engineAt: { label: 'tcp://x:2376', sameMachine: false } }],
  ['no memory limits', 'engine.limits', 'warn', 'memory, processes', { engine: engine({}, { MemoryLimit: false, PidsLimit: false }) }],
  ['no swap limit', 'engine.limits', 'warn', 'swap', { engine: engine({}, { SwapLimit: false }) }],
  ['less memory than the limits', 'memory', 'warn', 'may use up to', { engine: engine({}, { MemTotal: LIMITS * 0.8 }) }],
  ['memory that could never do', 'memory', 'fail', 'may use up to', { engine: engine({}, { MemTotal: (LIMITS * 0.9) / OVERCOMMIT }) }],
  ['little free memory', 'memory', 'warn', 'is free', {}, { availableMemory: 0.1 * GIB }],
  [
    'little free memory while all runs',
    'memory',
    'ok',
    'may use',
    { runningServices: new Set(prod.services.map((s) => s.name)) },
    { availableMemory: 1 },
  ],
  ['a full disk', 'disk.engine', 'fail', 'is free below', {}, storage({ freeBytes: 1e6 })],
  ['a disk that is nearly full', 'disk.engine', 'warn', 'is free below', {}, storage({ freeBytes: 5 * GIB })],
  [
    'a disk too small for the images',
    'disk.engine',
    'fail',
    'is needed',
    { missingImages: Array(20).fill('x') },
    storage({ freeBytes: 5 * GIB }),
  ],
  ['a disk without room for files', 'disk.engine', 'fail', '12 more files', {}, storage({ freeFiles: 12 })],
  ['data on NFS', 'filesystem.engine', 'fail', 'databases lose data', {}, storage({ type: 'nfs4' })],
  ['state on NFS', 'filesystem.state', 'warn', 'root_squash', {}, { storage: { state: { ...disk, type: 'nfs' } } }],
  ['state on FAT', 'filesystem.state', 'fail', 'no owners', {}, { storage: { state: { ...disk, type: 'vfat' } } }],
  ['state in memory', 'filesystem.state', 'warn', 'restart', {}, { storage: { state: { ...disk, type: 'tmpfs' } } }],
  ['a read-only disk', 'filesystem.engine', 'fail', 'read-only', {}, storage({ options: ['ro'] })],
  ['an encrypted disk', 'encryption.engine', 'ok', 'LUKS2 on root', {}, storage({})],
  ['a plain disk', 'encryption.engine', 'warn', 'not encrypted', {}, storage({ encryption: { state: 'plain' } })],
  [
    'a disk that cannot be seen',
    'encryption.engine',
    'warn',
    'cannot be told: a container',
    {},
    storage({ encryption: { state: 'unknown', why: 'a container' } }),
  ],
  ['a kernel setting', 'kernel.vm.overcommit_memory', 'warn', 'Redis', {}, { kernel: { 'vm.overcommit_memory': 0 } }],
  ['no forwarding', 'kernel.net.ipv4.ip_forward', 'fail', 'nothing reaches', {}, { kernel: { 'net.ipv4.ip_forward': 0 } }],
  ['clocks that differ', 'clock', 'fail', '90 s', {}, { clock: { synchronized: true, engineSkewSeconds: 90.2 } }],
  ['a clock that nobody sets', 'clock', 'warn', 'set by the network', {}, { clock: { synchronized: false, engineSkewSeconds: 0 } }],
  ['a taken port', 'port.443', 'fail', 'nginx', {}, port({ takenBy: 'process 8 (nginx)' })],
  ['an address of another machine', 'port.443', 'fail', 'no address 10.9.9.9', {}, port({ address: '10.9.9.9' })],
  [
    'a low port and a rootless engine',
    'port.443',
    'fail',
    'rootless',
    { engine: engine({}, { SecurityOptions: ['name=rootless'] }) },
    port({}),
  ],
  ['a firewall that is passed by', 'firewall', 'warn', 'ufw is on', {}, { firewall: 'ufw' }],
  ['IPv6 wanted and missing', 'ipv6', 'fail', 'has none', {}, port({ address: '::' })],
  [
    'IPv6 behind an engine that hides its visitors',
    'ipv6',
    'warn',
    'one address for all of them',
    { engine: engine({ Version: '26.1.4' }) },
    { ...port({ address: '::' }), ipv6: true },
  ],
  ['a port on both families', 'port.[::]:443', 'ok', 'port 443 on ::', {}, both],
  ['IPv6 that is not used', 'ipv6', 'ok', 'IPv4 alone', {}, { ipv6: true }],
  ['ranges that overlap', 'subnets', 'fail', 'it is away', { layout: problem }],
  ['a range that gave way', 'subnets', 'ok', 'network app: moved', { ranges: { moved: ['network app: moved'], covers: [], reached: [] } }],
  [
    'ranges that are kept clear of a server',
    'subnets',
    'ok',
    'cover nothing that this host has to reach: 10.0.0.53 (a DNS server)',
    { ranges: { moved: [], covers: [], reached: ['10.0.0.53 (a DNS server)'] } },
  ],
  [
    'a range that covers a server',
    'subnets.covers',
    'warn',
    'network db: 192.168.0.0/16 covers 192.168.0.53',
    {
      ranges: {
        moved: [],
        covers: [{ network: 'db', text: 'network db: 192.168.0.0/16 covers 192.168.0.53 (a DNS server)' }],
        reached: [],
      },
    },
  ],
  [
    'an engine that lets containers reach its host',
    'networks.isolated',
    'warn',
    'Docker Engine 27.5.1 cannot prevent it',
    { engine: engine({ Version: '27.5.1' }) },
  ],
  [
    'networks from before the engine could isolate them',
    'networks.isolated',
    'warn',
    'reach what this host listens on, at 10.',
    { runningServices: new Set(['app-1']) },
  ],
  ['isolated networks', 'networks.isolated', 'ok', 'reach nothing that this host listens on', { stack: isolated }],
  ['an own name that nobody knows', 'dns.media.example', 'warn', 'visitors cannot', {}, name({})],
  ['a server that nobody knows', 'dns.media.example', 'fail', 'does not know', {}, name({ own: false })],
  ['a name that is known', 'dns.media.example', 'ok', '192.0.2.1', {}, name({ addresses: ['192.0.2.1'] })],
  ['a resolver on loopback', 'dns', 'warn', '127.0.0.1', {}, { resolvers: ['127.0.0.1'] }],
  ['no resolver', 'dns', 'warn', '8.8.8.8', {}, { resolvers: [] }],
  ['a folder that cannot be written', 'state', 'fail', 'EROFS', {}, { unwritable: { path: '/s', code: 'EROFS' } }],
  ['secrets that all can read', 'state.modes', 'warn', '0644', {}, file(0o644)],
  [
    'a leftover network',
    'leftover.old_app',
    'warn',
    'address range',
    { leftovers: [{ kind: 'network', name: 'old_app', project: 'old', from: undefined }] },
  ],
  [
    'a leftover container',
    'leftover.old-1',
    'warn',
    '/gone',
    { leftovers: [{ kind: 'container', name: 'old-1', project: 'old', from: '/gone' }] },
  ],
  [
    'a stack of the same name that another user has',
    'project',
    'fail',
    'belongs to maria',
    { foreign: { message: 'the project home is run from /x, which belongs to maria (uid 1000)', remedy: 'run this as maria' } },
  ],
];

it.each(cases)('tells of %s', (_what, id, status, words, more, host) => {
  const found = examine(facts(more, host)).checks.find((check) => check.id === id);
  expect(found).toMatchObject({ status, message: expect.stringContaining(words) });
  if (status !== 'ok') expect(found?.remedy).toMatch(/\S/);
});

it('names what can be switched off: neither the way in nor what others need', () => {
  const remedy = examine(facts({ engine: engine({}, { MemTotal: LIMITS * 0.8 }) })).checks.find(({ id }) => id === 'memory')?.remedy;
  expect(remedy).toContain('app.replicas');
  expect(remedy).not.toMatch(/--without \S*(edge|postgres|redis)/);
});

describe('--fix', () => {
  it('offers what is small, and nothing that may hold data', () => {
    const fixes = examine(
      facts(
        { leftovers: [{ kind: 'network', name: 'old_app', project: 'old', from: undefined }] },
        { ...file(0o644), kernel: { 'vm.overcommit_memory': 0 } },
      ),
    ).checks.flatMap(({ fix }) => (fix ? [fix] : []));
    expect(fixes).toEqual([
      { kind: 'sysctl', setting: 'vm.overcommit_memory', value: 1 },
      { kind: 'chmod', path: '/s', mode: 0o600 },
      { kind: 'remove-network', name: 'old_app' },
    ]);
    expect(fixes.map(describeFix).join('\n')).toContain('set the mode of /s to 0600');
  });
  it('keeps one line for each kernel setting', () => {
    const first = withSetting('# ours\n', 'vm.a', 1);
    expect(withSetting(withSetting(first, 'vm.b', 2), 'vm.a', 3)).toBe('# ours\nvm.b = 2\nvm.a = 3\n');
  });
});

it('takes for leftovers neither what runs, nor this project, nor a project that still has its folder', () => {
  const container = (name: string, project: string, running: boolean, stateFolder: string) => ({ name, project, running, stateFolder });
  const network = (name: string, project: string, used = false) => ({ name, project, used });
  const owned = {
    containers: [
      container('a', 'mine', false, '/gone'),
      container('b', 'other', true, '/gone'),
      container('c', 'old', false, '/gone'),
      container('d', 'kept', false, '/'),
    ],
    networks: [network('mine_app', 'mine'), network('old_app', 'old'), network('dead_app', 'dead'), network('used_app', 'used', true)],
  };
  expect(leftoversOf(owned, 'mine').map(({ name }) => name)).toEqual(['c', 'dead_app']);
});

it('gives Buildx a folder of its own where the home folder cannot be written', () => {
  expect(buildxEnvironment({ HOME: os.tmpdir() })).toEqual({});
  expect(buildxEnvironment({ HOME: '/dev/null/nowhere', BUILDX_CONFIG: '/mine' })).toEqual({});
  expect(buildxEnvironment({ HOME: '/sys/kernel' }).BUILDX_CONFIG ?? 'writable').toMatch(/medianest-buildx-|writable/);
});
