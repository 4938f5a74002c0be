import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { capture } from '../../support/network/capture.ts';
import { enterNetworks } from '../../support/network/enter.ts';
import { handshake, plainAnswer } from '../../support/network/handshake.ts';
import { answerOutside, type Outside, outside } from '../../support/network/outside.ts';
import { type Reach, reachFrom, reachFromNamespace, reachFromService } from '../../support/network/reach.ts';
import { componentOf, DESIGN, endpointsOf, handshakes, type SecuredPort, securedPorts } from '../../support/network/segments-ports.ts';
import {
  composeOf,
  configureSegments,
  inside,
  leaderOf,
  listeningPorts,
  members,
  printed,
  type RenderedService,
  reachedAt,
  segmentsStack,
  sql,
  whole,
} from '../../support/network/segments-stack.ts';
import { ask, type JsonError, parsed, portal, titles } from '../../support/stack.ts';
import { freeRange, type Workspace } from '../../support/workspace.ts';

let space: Workspace;
let world: Outside;
let services: Record<string, RenderedService>;
let networks: ReturnType<typeof composeOf>['networks'];
/** Service -> ports on which it listens. */
let ports: Record<string, number[]>;

const component = (service: string) => componentOf(services, service);
const addressIn = (service: string, network: string) => services[service]?.networks?.[network]?.ipv4_address;
/** Where the others of the data plane find it. */
const db = (service: string) => (addressIn(service, 'control') ?? addressIn(service, 'db')) as string;
const secret = (service: string, name: string) => readFileSync(path.join(space.state, 'secrets', service, name), 'utf8');
const endpoints = () => endpointsOf(services, ports);

beforeAll(async () => {
  world = await outside();
  space = await segmentsStack('segmentation', { edge: { address: world.host } });
  ({ services, networks } = composeOf(space));
  await world.cutOff(Object.values(networks).flatMap(({ internal, ipam }) => (internal ? ipam.config.map(({ subnet }) => subnet) : [])));
  ports = Object.fromEntries(
    await Promise.all(Object.keys(services).map(async (name) => [name, await listeningPorts(space, name)] as const)),
  );
  await whole(space);
});
afterAll(async () => {
  await space?.destroy();
  await world?.destroy();
});

describe('who reaches whom', () => {
  test('every service listens where the design says, and nowhere else', () => {
    const wanted = Object.fromEntries(Object.keys(services).map((name) => [name, DESIGN[component(name)]]));
    expect(ports).toEqual(wanted);
  });

  test('from a container in each network: what is in it answers, and nothing of another does', async () => {
    const targets = endpoints();
    expect(targets.length).toBeGreaterThan(25);
    const all = await Promise.all(
      Object.keys(networks).map(async (network) => {
        const found = await reachFrom(
          space,
          network,
          targets.map(({ target }) => target),
        );
        return targets.map((entry) => ({
          from: network,
          to: `${entry.service} in ${entry.network} ${entry.target}`,
          found: found[entry.target],
        }));
      }),
    );
    const wanted = Object.keys(networks).map((network) =>
      targets.map((entry): { from: string; to: string; found: Reach } => ({
        from: network,
        to: `${entry.service} in ${entry.network} ${entry.target}`,
        found: entry.network === network ? 'open' : 'silent',
      })),
    );
    expect(all).toEqual(wanted);
  });

  test('from a service that is in two networks: the sum of both', async () => {
    const targets = endpoints();
    const own = Object.keys(services['app-1']?.networks ?? {});
    const found = await reachFromService(
      space,
      'app-1',
      targets.map(({ target }) => target),
    );
    expect(own.sort()).toEqual(['app', 'db']);
    expect(found).toEqual(Object.fromEntries(targets.map(({ target, network }) => [target, own.includes(network) ? 'open' : 'silent'])));
  });

  test('the way out: from no network, where no certificate is ordered outside', async () => {
    const internal = Object.fromEntries(Object.entries(networks).map(([name, network]) => [name, network.internal === true]));
    expect(internal).toEqual({ dmz: false, app: true, db: true, control: true });
    const found = await Promise.all(
      Object.keys(networks).map(async (name) => [name, (await reachFrom(space, name, [world.server]))[world.server]] as const),
    );
    expect(Object.fromEntries(found)).toEqual({ dmz: 'silent', app: 'silent', db: 'silent', control: 'silent' });
    for (const service of ['app-1', 'postgres-1', 'redis-1', 'etcd-1'])
      expect([service, await reachFromService(space, service, [world.server])]).toEqual([service, { [world.server]: 'silent' }]);
  });

  test('a container of an internal network reaches nothing that this host listens on', async () => {
    const own = net.createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => own.listen(0, '0.0.0.0', resolve));
    const { port } = own.address() as net.AddressInfo;
    const first = (name: string) => networks[name]?.ipam.config[0]?.subnet.replace(/0\/\d+$/, '1');
    const targets = [...Object.keys(networks).map(first), world.host].map((address) => `${address}:${port}`);
    try {
      for (const name of ['app', 'db', 'control'])
        expect([name, await reachFrom(space, name, targets)]).toEqual([name, Object.fromEntries(targets.map((at) => [at, 'silent']))]);
      for (const service of ['app-1', 'balancer', 'postgres-1', 'redis-1', 'etcd-1', 'agent', 'backup'])
        expect([service, await reachFromService(space, service, targets)]).toEqual([
          service,
          Object.fromEntries(targets.map((at) => [at, 'silent'])),
        ]);
      // The control: the network with the published ports has a way to its host.
      expect((await reachFrom(space, 'dmz', [`${first('dmz')}:${port}`]))[`${first('dmz')}:${port}`]).toBe('open');
    } finally {
      own.close();
    }
  });

  test('an internal network does not lead to the published ports by way of its host', async () => {
    const gateways = Object.entries(networks).map(([name, { ipam }]) => [name, ipam.config[0]?.subnet.replace(/0\/\d+$/, '1')] as const);
    const published = services.edge?.ports ?? [];
    for (const [name, gateway] of gateways.filter(([name]) => networks[name]?.internal)) {
      const targets = published.flatMap((port) => [`${gateway}:${port.published}`, `${world.host}:${port.published}`]);
      const found = await reachFrom(space, name, targets);
      expect(Object.values(found), `${name}: ${JSON.stringify(found)}`).not.toContain('open');
    }
  });
});

describe('from outside this host', () => {
  test('the edge’s published ports answer on the address that they are pinned to, and on no other', async () => {
    const published = (services.edge?.ports ?? []).map((port) => port.published);
    expect(published).toEqual([String(space.httpPort), String(space.httpsPort)]);
    expect((services.edge?.ports ?? []).map((port) => port.host_ip)).toEqual([world.host, world.host]);
    const wanted = Object.fromEntries(
      published.flatMap((port) => [
        [`${world.host}:${port}`, 'open'],
        [`${world.other}:${port}`, 'refused'],
      ]),
    );
    expect(await reachFromNamespace(world.namespace, Object.keys(wanted))).toEqual(wanted);
  });

  test('no service’s own port is open on any address of the host', async () => {
    const own = [...new Set(Object.values(DESIGN).flat())].flatMap((port) => [`${world.host}:${port}`, `${world.other}:${port}`]);
    const found = await reachFromNamespace(world.namespace, own);
    expect(Object.entries(found).filter(([, reach]) => reach === 'open')).toEqual([]);
  });

  test('the addresses of containers are no way in, although the host forwards', async () => {
    const targets = endpoints().map(({ target }) => target);
    const found = await reachFromNamespace(world.namespace, targets);
    expect(found).toEqual(Object.fromEntries(targets.map((target) => [target, 'silent'])));
    // The way there and back is open: what is missing is leave.
    expect(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim()).toBe('1');
  });

  test('it is the portal that answers there, with its own certificate', async () => {
    expect(await answerOutside(world, space)).toBe('HTTP/1.1 200 OK');
  });
});

const secured = () => securedPorts(services, ports);
const trust = () => readFileSync(path.join(space.state, 'ca/trust/internal-ca.pem'));
const shaken = (options: (entry: SecuredPort) => tls.ConnectionOptions, which = secured(), lasts = false) =>
  handshakes(options, which, lasts);

describe('encryption in transit', () => {
  // From here on this host plays a client in the internal networks.
  beforeAll(() => enterNetworks(space.project, ['app', 'db', 'control']));

  const same = (outcome: unknown) => Object.fromEntries(secured().map(({ label }) => [label, outcome]));

  test('every port speaks TLS 1.3 by a certificate of the internal CA for its own name', async () => {
    const found = await shaken(({ name }) => ({ ca: trust(), servername: name }));
    expect(found).toEqual(same('TLSv1.3'));
  });

  test('a client without the CA does not believe it', async () => {
    const found = await shaken(({ name }) => ({ servername: name }));
    expect(found).toEqual(
      same(expect.stringMatching(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE)/)),
    );
  });

  test('a client that asked for another name does not take it', async () => {
    const found = await shaken(() => ({ ca: trust(), servername: 'another.example' }));
    expect(found).toEqual(same('ERR_TLS_CERT_ALTNAME_INVALID'));
  });

  test('TLS 1.1 is refused, by a client that could speak it', async () => {
    const old = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
      rejectUnauthorized: false,
    } as const;
    const server = tls.createServer({
      ...old,
      cert: readFileSync(path.join(space.state, 'certs/app/current/fullchain.pem')),
      key: readFileSync(path.join(space.state, 'certs/app/current/privkey.pem')),
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const control = await handshake('127.0.0.1', port, old);
    server.close();
    expect(control.outcome).toBe('TLSv1.1');
    expect(await shaken(() => old)).toEqual(same(expect.stringMatching(/^(ERR_SSL_|EPROTO|ECONNRESET|closed)/)));
  });

  test('etcd, Patroni’s interface and the bus of the cache let nobody in without a certificate of their own', async () => {
    const which = secured().filter(({ clientCertificate }) => clientCertificate);
    expect(which).toHaveLength(3 + 3 + 2 + 6);
    const without = await shaken(({ name }) => ({ ca: trust(), servername: name }), which, true);
    expect(Object.values(without).filter((outcome) => outcome.startsWith('TLSv1'))).toEqual([]);
    const own = (file: string) => readFileSync(path.join(space.state, 'certs/etcd-1/current', file));
    const pair = { cert: own('fullchain.pem'), key: own('privkey.pem') };
    const withOne = await shaken(({ name }) => ({ ca: trust(), servername: name, ...pair }), which, true);
    // A peer of etcd has to come from an address that is in its certificate besides, and this is the host.
    expect(withOne).toEqual(Object.fromEntries(which.map(({ label, port }) => [label, port === 2380 ? 'closed' : 'TLSv1.3'])));
  });

  test('the repository of the backups tells nothing to whoever has another certificate than the backup’s', async () => {
    const ask = (certificates: string) =>
      inside(space, 'postgres-1', [
        ...['pgbackrest', '--config=/etc/medianest/current/pgbackrest.conf', '--stanza=medianest', '--log-level-console=warn'],
        ...[`--repo1-host-cert-file=${certificates}/fullchain.pem`, `--repo1-host-key-file=${certificates}/privkey.pem`, 'info'],
      ]);
    expect((await ask('/run/backup-certs/current')).stdout).toContain('cipher: aes-256-cbc');
    const refused = await ask('/run/certs/current');
    expect(refused.stdout).toMatch(/status: error \(other\).*cipher: none/s);
  });

  test('nobody is answered who speaks in clear', async () => {
    const http = 'GET /version HTTP/1.0\r\nHost: x\r\n\r\n';
    const said = await Promise.all(
      secured()
        .filter(({ postgres }) => !postgres)
        .map(async ({ label, address, port }) => [label, await plainAnswer(address, port, port === 6379 ? 'PING\r\n' : http)] as const),
    );
    expect(said.filter(([, text]) => /HTTP\/1\.\d 2|PONG|NOAUTH|etcdserver/.test(text))).toEqual([]);
    // PostgreSQL, with the right password: its client says why.
    const database = new URL(secret('app-1', 'database-url'));
    for (const port of ['5432', '5433']) {
      const address = `host=db-router port=${port} user=${database.username} dbname=medianest sslmode=disable connect_timeout=5`;
      const psql = (at: string) => ['env', `PGPASSWORD=${database.password}`, 'psql', '-X', '-At', at, '-c', 'SELECT 1'];
      const refused = await inside(space, 'postgres-1', psql(address));
      expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(/pg_hba\.conf rejects connection.*no encryption/)]);
      const allowed = address.replace('sslmode=disable', 'sslmode=verify-full sslrootcert=/run/trust/internal-ca.pem');
      expect(await printed(space, 'postgres-1', psql(allowed))).toBe('1');
    }
  });

  test('a password is needed beside the certificate: etcd, Patroni’s REST, Redis', async () => {
    const own = '/run/certs/current';
    const status = ['curl', '-sS', '-m', '8', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', '/run/trust/internal-ca.pem'];
    const curl = (...argv: string[]) => inside(space, 'postgres-1', [...status, ...argv]);
    const pair = ['--cert', `${own}/fullchain.pem`, '--key', `${own}/privkey.pem`];
    const range = ['-X', 'POST', '-d', '{"key":"L3NlcnZpY2UvbWVkaWFuZXN0L2xlYWRlcg=="}', `https://${db('etcd-1')}:2379/v3/kv/range`];
    expect((await curl(...pair, ...range)).stdout).toBe('400');
    const change = ['-X', 'POST', '-d', '{}', `https://${db('postgres-2')}:8008/restart`];
    expect((await curl(...pair, ...change)).stdout).toBe('401');
    // Without a certificate Patroni ends the handshake.
    const password = ['-u', `medianest:${secret('postgres-1', 'patroni-rest-password')}`];
    for (const asked of [[...password, ...change], [`https://${db('postgres-2')}:8008/cluster`]])
      expect((await curl(...asked)).stdout).toBe('000');
    const redis = ['redis-cli', '--tls', '--cacert', '/run/trust/internal-ca.pem', '-h', 'redis-1', 'GET', 'x'];
    expect((await inside(space, 'redis-1', redis)).stdout).toMatch(/NOAUTH/);
  });

  test('replication and the application’s sessions are encrypted, as the leader itself says', async () => {
    const query = `SELECT usename, ssl, version FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE client_addr IS NOT NULL`;
    const sessions = (await sql(space, await leaderOf(space, 'postgres'), query)).split('\n');
    expect(new Set(sessions.map((line) => line.split(' ')[0]))).toEqual(new Set(['replicator', 'medianest_a']));
    expect(sessions.filter((line) => !line.endsWith(' t TLSv1.3'))).toEqual([]);
  });

  test('what is written passes no network in clear', async () => {
    const title = `marker-${Date.now().toString(36)}-of-a-film`;
    const control = 'marker-in-clear-on-purpose';
    const words = [title, control, secret('app-1', 'redis-password-a'), secret('postgres-1', 'patroni-rest-password')];
    const rest = Buffer.from(`medianest:${words[3]}`).toString('base64');
    const { frames, seen } = await capture(
      space,
      Object.keys(networks),
      [...words, rest],
      async () => {
        for (let i = 0; i < 8; i++) {
          const made = await portal(space, '/api/requests', {
            ...reachedAt(world.host),
            method: 'POST',
            body: { title: `${title} ${i}`, kind: 'movie' },
          });
          expect(made.status).toBe(201);
          await portal(space, '/api/requests', reachedAt(world.host));
        }
        // That the capture sees what is in clear: the same way, without TLS.
        const image = services.balancer?.image as string;
        const speak = `exec 3<>/dev/tcp/${addressIn('balancer', 'app')}/8443; echo ${control} >&3`;
        await docker(['run', '--rm', '--init', '--network', `${space.project}_app`, '--entrypoint', 'bash', image, '-c', speak]);
      },
      8,
    );
    for (const network of Object.keys(networks)) expect(frames[network], network).toBeGreaterThan(40);
    expect(seen).toEqual({ [control]: expect.any(Number) });
  });
});

describe('certificates and secrets', () => {
  test('each service has a certificate and a key of its own, which its user alone can read', async () => {
    const held = Object.entries(services).flatMap(([service, { user, volumes = [] }]) => {
      const source = volumes.find(({ target }) => target === '/run/certs')?.source;
      return source ? [{ service, uid: Number(user.split(':')[0]), folder: path.join(space.state, source, 'current') }] : [];
    });
    // The proxy of the engine has no network.
    expect(Object.keys(services).filter((name) => !held.some(({ service }) => service === name))).toEqual(['engine-proxy']);
    const keys = new Map<string, string>();
    for (const { service, uid, folder } of held) {
      const { uid: owner, mode } = statSync(path.join(folder, 'privkey.pem'));
      expect([service, owner, (mode & 0o777).toString(8)]).toEqual([service, uid, '400']);
      const leaf = new X509Certificate(readFileSync(path.join(folder, 'fullchain.pem')));
      const name = component(service) === 'app' ? 'app' : component(service) === 'edge' ? 'localhost' : service;
      expect([service, leaf.checkHost(name)]).toEqual([service, name]);
      const sharer = keys.get(leaf.fingerprint256);
      if (component(service) !== 'app') expect([service, sharer]).toEqual([service, undefined]);
      keys.set(leaf.fingerprint256, service);
      const within = await printed(space, service, ['stat', '-L', '-c', '%u %a', '/run/certs/current/privkey.pem']);
      expect([service, within, await printed(space, service, ['id', '-u'])]).toEqual([service, `${uid} 400`, String(uid)]);
    }
  });

  test('each service’s secrets are its user’s alone, and the CA’s key is in no container', async () => {
    for (const [service, { user, volumes = [] }] of Object.entries(services)) {
      const sources = volumes.map(({ source }) => source);
      expect([service, sources.filter((source) => /^\.\/ca(\/(?!trust)|$)/.test(source))]).toEqual([service, []]);
      if (!sources.includes(`./secrets/${service}`)) continue;
      const names = readdirSync(path.join(space.state, 'secrets', service));
      const modes = await printed(space, service, ['stat', '-L', '-c', '%u %a', ...names.map((name) => `/run/secrets/${name}`)]);
      expect([service, ...new Set(modes.split('\n'))]).toEqual([service, `${user.split(':')[0]} 400`]);
    }
    expect((statSync(path.join(space.state, 'ca/root.json')).mode & 0o777).toString(8)).toBe('600');
  });
});

describe('address ranges', () => {
  const configure = (more: Record<string, { subnet: string }>) =>
    configureSegments(space, { edge: { address: world.host }, networks: { db: { subnet: current() }, ...more } });
  const current = () => networks.db?.ipam.config[0]?.subnet as string;

  test('an explicit range that overlaps another or a route is refused, naming both sides, and nothing changes', async () => {
    configure({ app: { subnet: current() } });
    const both = await space.run(['up', '--json']);
    expect(parsed<JsonError>(both).error).toMatchObject({
      code: 'SUBNET_TAKEN',
      message: expect.stringMatching(/networks\.\w+\.subnet .* overlaps .*\(network \w+\)/),
    });
    configure({ db: { subnet: world.subnet } });
    const route = await space.run(['up', '--json']);
    expect(parsed<JsonError>(route).error.message).toContain(
      `networks.db.subnet ${world.subnet} overlaps ${world.subnet} (a route of this host, on ${world.device})`,
    );
    configure({});
    expect((await space.run(['plan'])).status).toBe(0);
    const remembered = JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as Record<string, string>;
    for (const [name, { ipam }] of Object.entries(networks)) expect([name, remembered[name]]).toEqual([name, ipam.config[0]?.subnet]);
  });

  test('another range of the databases moves all of them at once, and what they hold is there afterwards', async () => {
    const call: typeof portal = (own, url, options) => portal(own, url, { ...reachedAt(world.host), ...options });
    await ask(call, space, 'Before the move');
    const [subnet, control] = [await freeRange(), await freeRange()];
    configure({ db: { subnet }, control: { subnet: control } });
    const up = await space.run(['up']);
    expect(up.stderr.slice(-2000) + String(up.status)).toMatch(/0$/);
    const moved = composeOf(space).networks;
    expect([moved.db, moved.control].map((network) => network?.ipam.config[0]?.subnet)).toEqual([subnet, control]);
    await whole(space, 90);
    expect(Object.keys(await members(space))).toHaveLength(2 + 3 + 6);
    expect(await titles(call, space)).toContain('Before the move');
    expect((await space.run(['plan'])).status).toBe(0);
  });
});
