import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { after, attempt, someOf, Unseen } from '../../../src/compliance/gather/attempt.ts';
import { readDockerGroup, readHostFiles } from '../../../src/compliance/gather/host.ts';
import { readRecipients, readSignOn, readStateFiles } from '../../../src/compliance/gather/state.ts';
import { cipherText } from '../../../src/compliance/plan/cipher-text.ts';
import { commandLineOptions } from '../../../src/compliance/plan/daemon-options.ts';
import { UserError } from '../../../src/core/errors.ts';
import { foldersOf, toContainer, toEngine } from '../../../src/docker/security.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load } from '../../support/settings.ts';

let dir: string;
let server: net.Server;
beforeAll(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-gathered-'));
  server = net.createServer();
  await new Promise<void>((resolve) => server.listen(path.join(dir, 'docker.sock'), resolve));
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('what cannot be read', () => {
  it('says why and what to do, and is no error', async () => {
    expect(await attempt(() => 3)).toEqual({ value: 3 });
    expect(await attempt(() => Promise.reject(new Unseen('dark', 'light')))).toEqual({ unknown: 'dark', fix: 'light' });
    const away = new UserError('ENGINE_AWAY', 'the engine does not answer; nothing was changed', 'start it');
    expect(await attempt(() => Promise.reject(away))).toEqual({ unknown: 'the engine does not answer', fix: 'start it' });
    expect(await attempt(() => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })))).toEqual({
      unknown: 'EIO: i/o error',
    });
    expect(await after({ unknown: 'dark' }, () => 1)).toEqual({ unknown: 'dark' });
    expect(() => someOf([])).toThrow('nothing of this stack runs');
  });
  it('but a fault of ours, and Ctrl-C, end the command', async () => {
    await expect(attempt(() => Promise.reject(new TypeError('x is not a function')))).rejects.toThrow(TypeError);
    await expect(attempt(() => Promise.reject(new UserError('INTERRUPTED', 'interrupted', '-')))).rejects.toThrow('interrupted');
  });
});

it.each([
  ['-H fd:// --tlsverify --log-level=debug', { host: 'fd://', tlsverify: true, 'log-level': 'debug' }],
  ['-H fd:// -H tcp://0.0.0.0:2375 -D', { host: ['fd://', 'tcp://0.0.0.0:2375'], debug: true }],
  ['--iptables=false --userland-proxy false --live-restore', { iptables: 'false', 'userland-proxy': 'false', 'live-restore': true }],
  ['--config-file /etc/d.json stray', { 'config-file': '/etc/d.json' }],
  ['', {}],
])('the command line %s', (line, options) => {
  expect(commandLineOptions(line.split(' ').filter(Boolean))).toEqual(options);
});

it.each([
  [{ exitCode: 0, output: 'repo1-cipher-type=aes-256-cbc\n' }, 'aes-256-cbc (pgBackRest), AES-256 (restic)'],
  [{ exitCode: 0, output: 'repo1-cipher-type=none\n' }, 'none'],
  [{ exitCode: 1, output: '' }, 'none'],
  [{ exitCode: 2, output: 'grep: pgbackrest.conf: No such file or directory' }, undefined],
])('the cipher of the repository: %j', (said, cipher) => {
  expect(cipherText(said)).toBe(cipher);
});

it.each([
  ['[]', 'running', ['sign-on']],
  ['[]', 'exited', []],
  ['none', 'running', []],
])('visitors sign in, with edge.access %s and an identity provider that is %s: %j', (access, state, signOn) => {
  const loaded = load({ file: `components: { sign-on: true }\nedge: { access: ${access} }\n`, flags: { profile: 'dev-compose' } });
  expect(
    readSignOn({
      project: { loaded } as never,
      containers: [
        { service: 'sign-on', state },
        { service: 'sign-on-mail', component: 'sign-on', state: 'running' },
      ] as never,
    }),
  ).toEqual(signOn);
});

it('names whom the parts of this stack tell of people, and no secret', () => {
  const file = `
components: { sign-on: true, crowdsec: true }
bans: { central: true }
app: { portal: { ntfy: { url: "https://ntfy.example.org/", topic: films } } }
signOn:
  mail: { host: smtp.example.org, from: a@example.org }
  ldap: { url: "ldaps://ldap.example.org", baseDn: "dc=example,dc=org", bindDn: "cn=a,dc=b", bindPassword: hidden }
`;
  const named = (text: string) => readRecipients({ loaded: load({ file: text, flags: { profile: 'dev-compose' } }) } as never);
  const found = named(file);
  expect(found.map(({ where }) => where)).toEqual(['ntfy.example.org', 'smtp.example.org', 'ldap.example.org', 'api.crowdsec.net']);
  expect(JSON.stringify(found)).not.toContain('hidden');
  expect(named(file.replaceAll('true', 'false').replace('portal:', 'image: "example.org/x:1", portal:'))).toEqual([]);
});

describe('files of the host', () => {
  it('are looked at one by one: what is not there is not there, and what cannot be told says so', async () => {
    const files = await readHostFiles(path.join(dir, 'docker.sock'), { unknown: 'hidden' });
    expect(files['engine socket']).toMatchObject({ value: [{ path: path.join(dir, 'docker.sock'), there: { uid: process.getuid?.() } }] });
    expect(files['TLS key']).toEqual({ unknown: 'hidden' });
    const tls = path.join(dir, 'key.pem');
    writeFileSync(tls, 'x', { mode: 0o640 });
    const more = await readHostFiles(path.join(dir, 'none.sock'), { value: { options: { tlskey: tls }, from: '-' } });
    expect(more['TLS key']).toMatchObject({ value: [{ there: { mode: 0o640 } }] });
    expect(more['TLS CA']).toEqual({ value: [] });
    expect(more['engine socket']).toEqual({ value: [{ path: path.join(dir, 'none.sock'), there: undefined }] });
  });
  it('a socket that is not there tells nothing of who may use it', () => {
    expect(() => readDockerGroup(path.join(dir, 'none.sock'))).toThrow(Unseen);
  });
  it('the state folder: modes of it, its secrets and its keys', () => {
    const state = new StateFolder(path.join(dir, 'state'));
    const project = { loaded: load({}), state };
    expect(() => readStateFiles(project)).toThrow(Unseen);
    mkdirSync(state.at('certs', 'edge', 'current'), { recursive: true, mode: 0o700 });
    writeFileSync(state.at('secrets.json'), '{}', { mode: 0o644 });
    writeFileSync(state.at('certs', 'edge', 'current', 'privkey.pem'), 'x', { mode: 0o400 });
    expect(readStateFiles(project)).toEqual([
      { path: state.root, mode: 0o700, most: 0o700 },
      { path: state.at('secrets.json'), mode: 0o644, most: 0o600 },
      { path: state.at('certs/edge/current/privkey.pem'), mode: 0o400, most: 0o700 },
    ]);
  });
});

/** As Docker Engine 28 answers, without what is not read. */
const INSPECTED = {
  Name: '/shop-app-1',
  State: { Running: true },
  AppArmorProfile: 'docker-default',
  ProcessLabel: '',
  Config: {
    Image: 'medianest/app:1',
    User: '10001:10001',
    Env: [
      'PATH=/bin',
      'DB_PASSWORD=geheim',
      'SESSION_SECRET_FILE=/run/secrets/s',
      'API_KEY=',
      'TOKENIZER=x',
      'ETCD_INITIAL_CLUSTER_TOKEN=shop',
      'STRIPE_APIKEY=y=z',
    ],
    Labels: { 'com.docker.compose.service': 'app-1', 'io.medianest.image': '1' },
    Healthcheck: { Test: ['NONE'] },
  },
  HostConfig: {
    CapAdd: ['CAP_NET_ADMIN'],
    CapDrop: ['ALL'],
    SecurityOpt: null,
    Memory: 1024,
    NanoCpus: 5e8,
    PidsLimit: null,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 5 },
    Devices: null,
    DeviceRequests: [{ Driver: 'nvidia' }],
    Ulimits: [{ Name: 'nofile' }],
    PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } },
  },
  NetworkSettings: { Ports: {}, Networks: { none: {}, shop_app: {} } },
  Mounts: [{ Source: '/etc/x', Destination: '/x', RW: false, Propagation: 'rprivate' }],
};

describe('what the engine answers', () => {
  it('of a container: names of variables, never their values', () => {
    const found = toContainer(INSPECTED as unknown as Parameters<typeof toContainer>[0], ['node']);
    expect(found).toMatchObject({
      name: 'shop-app-1',
      service: 'app-1',
      built: true,
      capAdd: ['NET_ADMIN'],
      securityOptions: [],
      limitsCpu: true,
      pids: 0,
      restart: 'on-failure:5',
      devices: ['nvidia'],
      ports: [{ address: '0.0.0.0', host: 8080, container: 80 }],
      networks: ['shop_app'],
      checksHealth: false,
      secretVariables: ['DB_PASSWORD', 'STRIPE_APIKEY'],
      mounts: [{ source: '/etc/x', target: '/x', writable: false, propagation: 'rprivate', host: true }],
    });
    expect(JSON.stringify(found)).not.toMatch(/geheim|y=z/);
  });
  it('of a volume that mounts a folder of the host by its options: that folder', () => {
    const folders = foldersOf([
      { Name: 'shop_data', Options: { type: 'none', o: 'bind', device: '/etc' } },
      { Name: 'shop_more', Options: { type: 'none', o: 'ro,rbind', device: '/root' } },
      { Name: 'shop_nfs', Options: { type: 'nfs', o: 'addr=192.0.2.1,rw', device: ':/etc' } },
      { Name: 'shop_postgres-1', Options: { type: 'none', o: 'bind', device: '/srv/medianest/shop/data/volumes/shop_postgres-1' } },
      { Name: 'shop_plain', Options: null },
    ]);
    expect([...folders]).toEqual([
      ['shop_data', '/etc'],
      ['shop_more', '/root'],
    ]);
    const mount = { Type: 'volume', Name: 'shop_data', Source: '/var/lib/docker/volumes/shop_data/_data', Destination: '/x', RW: true };
    const seen = { ...INSPECTED, Mounts: [mount, { ...mount, Name: 'shop_plain' }] } as unknown as Parameters<typeof toContainer>[0];
    expect(toContainer(seen, undefined, folders).mounts.map(({ source, host }) => [source, host])).toEqual([
      ['/etc', true],
      ['/var/lib/docker/volumes/shop_data/_data', false],
    ]);
  });
  it('of a mount from the folder that the project was started from: that it is the stack’s own', () => {
    const Labels = { 'com.docker.compose.project.working_dir': '/root/shop/.medianest' };
    const mounts = ['/root/shop/.medianest/certs/edge', '/root/shop/.medianest-other', '/root/.ssh'].map((Source) => ({
      Type: 'bind',
      Source,
      Destination: '/x',
      RW: false,
    }));
    const seen = { ...INSPECTED, Config: { ...INSPECTED.Config, Labels }, Mounts: mounts } as unknown as Parameters<typeof toContainer>[0];
    expect(toContainer(seen, undefined).mounts.map(({ own }) => own)).toEqual([true, undefined, undefined]);
  });
  it('of itself; an imitation may leave nearly all out', () => {
    expect(toEngine({})).toMatchObject({ version: '', rootless: false, seccomp: undefined, swarm: false, insecureRegistries: [] });
    expect(
      toEngine({
        ServerVersion: '28.5.2',
        SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns', 'name=no-new-privileges', 'name=userns'],
        Swarm: { LocalNodeState: 'active' },
        RegistryConfig: { InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', '10.0.0.0/8'], IndexConfigs: { 'r.lan': { Secure: false } } },
      }),
    ).toMatchObject({
      seccomp: 'builtin',
      noNewPrivileges: true,
      remapped: true,
      swarm: true,
      insecureRegistries: ['r.lan', '10.0.0.0/8'],
    });
  });
});
