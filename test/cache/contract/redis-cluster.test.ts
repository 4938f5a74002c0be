import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheCommands } from '../../../src/agent/cache/commands.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { caStore } from '../../../src/certificates/store/ca-store.ts';
import { switchCertificate, writeCertificate } from '../../../src/certificates/store/install.ts';
import { dockerCli } from '../../../src/docker/compose.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { read } from '../../app/contract/portal-contract.ts';
import { docker, type Run } from '../../support/cli.ts';
import { cacheOf, container, gaps, keyIn, onVolume, startKeeper, thirdOf } from '../../support/data/cache.ts';
import { addressesIn, answers, clusterSettings, startCluster } from '../../support/data/cluster-stack.ts';
import { becomes, start, tidy } from '../../support/portal-process.ts';
import { freeRange, type Workspace, workspace } from '../../support/workspace.ts';

let servers: Workspace;
let range: string;
let cache: ReturnType<typeof cacheOf>;
let controller: ReturnType<typeof startKeeper>;
let redis: ReturnType<typeof cache.client>;

const configure = (subnet: string) => servers.configure(clusterSettings(subnet));
const kill = (service: string) => docker(['kill', container(servers, service)]);
const begin = (service: string) => docker(['start', container(servers, service)]);
const logOf = async (service: string) => {
  const { stdout, stderr } = await docker(['logs', '--tail', '60', container(servers, service)]);
  return stdout + stderr;
};
const inside = (service: string, ...argv: string[]): Promise<Run> => docker(['exec', container(servers, service), ...argv]);
const handover = (service: string) => cacheCommands.handover(cache.config, [service], () => undefined);
const leading = (third: number): string => {
  const first = [0, 5461, 10_923][third];
  return Object.entries(controller.status()).find(([, { details }]) => String(details.slots).startsWith(`${first}-`))?.[0] as string;
};
const imageOf = async (service: string) =>
  (await docker(['inspect', '--format', '{{.Config.Image}}', container(servers, service)])).stdout.trim();
/** How much longer one third waited than the others: a host that is busy holds all three up. */
const beyond = (longest: number[], third: number) => (longest[third] as number) - Math.max(...longest.filter((_, at) => at !== third));
const thirdLedBy = (service: string) => [0, 1, 2].find((third) => leading(third) === service) as number;
const watchEnds = (): string[] => {
  const ends: string[] = [];
  for (const node of redis.nodes('master')) node.on('end', () => ends.push(`${node.options.host}`));
  return ends;
};
const report = (what: string, figure: unknown) => process.stderr.write(`redis-cluster: ${what}: ${JSON.stringify(figure)}\n`);

beforeAll(async () => {
  servers = await workspace('cluster');
  range = await freeRange();
  configure(range);
  const begun = performance.now();
  ({ cache, controller } = await startCluster(servers, addressesIn(range, 6)));
  report('formed and healthy after s', Math.round((performance.now() - begun) / 100) / 10);
  redis = cache.client();
  await answers(redis);
});

afterAll(async () => {
  redis?.disconnect();
  await tidy();
  await controller?.stop();
  await servers?.destroy();
});

describe('a cluster of six', () => {
  it('is made out of nothing: up has waited for it', async () => {
    await controller.whole();
    expect(controller.leaders()).toEqual(['redis-1', 'redis-2', 'redis-3']);
    expect(Object.values(controller.status()).flatMap(({ details }) => (details.of ? [details.of] : []))).toEqual([
      'redis-1',
      'redis-2',
      'redis-3',
    ]);
    expect((await inside('redis-1', 'healthcheck')).status).toBe(0);
    const settled = controller.log.length;
    await sleep(2500);
    expect(controller.log.slice(settled)).toEqual([]);
  });

  it('speaks TLS alone, with a certificate for its address, and its bus only with nodes', async () => {
    const { address } = cache.config.nodes[0] as { address: string };
    const ca = readFileSync(cache.caFile);
    const hello = (port: number, options: tls.ConnectionOptions) =>
      new Promise<string>((resolve) => {
        const socket = tls.connect({ host: address, port, ...options }, () => socket.write('PING\r\n'));
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        socket.on('data', (data) => resolve(String(data)));
        socket.on('close', () => resolve('closed'));
        socket.setTimeout(2000, () => socket.destroy());
      });
    // The chain is sent without its root, which nobody takes from whom it is to prove.
    expect(await hello(6379, {})).toMatch(/^UNABLE_TO_(GET_ISSUER_CERT|VERIFY_LEAF)/);
    expect(await hello(6379, { ca })).toMatch(/^-NOAUTH/);
    expect(await hello(6379, { ca, maxVersion: 'TLSv1.1' })).toMatch(/PROTOCOL|VERSION|ALERT/i);
    expect(await hello(16_379, { ca })).toMatch(/CERTIFICATE_REQUIRED|closed|ECONNRESET/);
    const plain = await inside(
      'redis-2',
      'bash',
      '-c',
      `exec 3<>/dev/tcp/${address}/6379; printf 'PING\\r\\n' >&3; timeout 2 head -c 4 <&3 | od -An -c`,
    );
    expect(plain.stdout).not.toMatch(/P {3}O {3}N {3}G|N {3}O {3}A/);
    const key = (await inside('redis-1', 'stat', '-Lc', '%a %u', '/run/certs/current/privkey.pem')).stdout.trim();
    expect(key).toBe('400 10003');
  });

  it('lets the application do what an application does, and nobody in without a password', async () => {
    const key = keyIn(0, 'acl');
    expect(await redis.set(key, '1')).toBe('OK');
    for (const words of [
      ['KEYS', '*'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['CLUSTER', 'RESET'],
      ['ACL', 'LIST'],
      ['SHUTDOWN'],
      ['MONITOR'],
    ]) {
      const [command, ...rest] = words as [string, ...string[]];
      await expect(redis.nodes('master')[0]?.call(command, ...rest), command).rejects.toThrow(/NOPERM/);
    }
    const second = cache.client('b');
    await answers(second);
    expect(await second.get(key)).toBe('1');
    second.disconnect();
    const call = (user: string, secret: string, ...words: string[]) =>
      inside(
        'redis-1',
        'bash',
        '-c',
        `REDISCLI_AUTH=$(<${secret}) redis-cli --tls --cacert /run/trust/internal-ca.pem --user ${user} ${words.join(' ')} 2>&1`,
      );
    expect((await call('default', '/run/secrets/redis-password-a', 'PING')).stdout).toMatch(/WRONGPASS|NOAUTH/);
    expect((await call('keeper', '/run/secrets/redis-keeper-password', 'GET', key)).stdout).toMatch(/NOPERM/);
    expect((await call('replica', '/run/secrets/redis-replication-password', 'GET', key)).stdout).toMatch(/NOPERM/);
    await redis.del(key);
  });

  it('serves a portal’s sessions again within seconds of a master’s death, and the others’ all the time', async () => {
    const [{ config }, password] = [cache, readFileSync(path.join(servers.state, 'secrets/redis-1/redis-password-a'), 'utf8')];
    const portal = await start({
      REDIS_URL: '',
      REDIS_CLUSTER_NODES: config.nodes.map(({ address }) => `${address}:6379`).join(','),
      REDIS_USERNAME: 'medianest',
      REDIS_PASSWORD: password,
      REDIS_TLS_CA_FILE: cache.caFile,
    });
    await becomes(portal, '/api/health/ready', 200);
    const named = await fetch(`${portal.url}/api/session`, {
      method: 'POST',
      headers: { origin: portal.url, 'content-type': 'application/json' },
      body: '{"name":"Ada"}',
    });
    expect(named.status).toBe(200);
    const cookie = named.headers.getSetCookie()[0]?.split(';')[0] as string;
    const session = async () => await read(fetch(`${portal.url}/api/session`, { headers: { cookie } }));
    const third = thirdOf(`medianest:session:${cookie.split('=')[1]}`);
    const { longest } = await gaps(redis, async () => {
      await sleep(300);
      await kill(leading(third));
      const killed = performance.now();
      await vi.waitFor(async () => expect(await session()).toMatchObject({ available: true, name: 'Ada' }), {
        timeout: 10_000,
        interval: 50,
      });
      report('master killed, session readable after ms', Math.round(performance.now() - killed));
      await vi.waitFor(() => expect(redis.set(keyIn(third, 'again'), '1')).resolves.toBe('OK'), { timeout: 10_000, interval: 50 });
    });
    report('master killed, longest gaps in ms', longest);
    for (const [one, gap] of longest.entries()) expect(gap).toBeLessThanOrEqual(one === third ? 6000 : 1000);
    expect(portal.child.exitCode).toBeNull();
    await begin(`redis-${third + 1}`);
    await controller.whole();
  });

  it('hands over before a planned stop without a gap, and takes the node back', async () => {
    // Of those that no election has touched.
    const service = controller.leaders().find((name) => Number(name.at(-1)) <= 3) as string;
    const third = thirdLedBy(service);
    const { longest, acknowledged } = await gaps(redis, async () => {
      await sleep(500);
      await handover(service);
      await docker(['restart', container(servers, service)]);
      await cacheCommands.settled(cache.config, [service, '30'], () => undefined);
      expect(await cacheCommands.status(cache.config, [], () => undefined)).toMatchObject({ [service]: { role: 'replica', ok: true } });
    });
    report('planned hand-over and restart, longest gaps in ms', longest);
    expect(beyond(longest, third)).toBeLessThanOrEqual(300);
    const kept = await Promise.all(acknowledged.map((key) => redis.exists(key)));
    expect(kept.filter((found) => found !== 1)).toEqual([]);
    await controller.whole();
  });

  it('hands back and forth as often as it is asked, waiting where Redis would trip over its last election', async () => {
    const service = controller.leaders().find((name) => Number(name.at(-1)) > 3) as string;
    const other = `redis-${Number(service.at(-1)) - 3}`;
    const third = thirdLedBy(service);
    const { longest } = await gaps(redis, async () => {
      await handover(service);
      await handover(other);
    });
    report('hand-overs there and back, longest gaps in ms', longest);
    expect(beyond(longest, third)).toBeLessThanOrEqual(300);
    await controller.whole();
  });

  it('comes back when two of three masters die at once, which no vote can settle', async () => {
    const [first, second] = [leading(0), leading(1)];
    const { longest } = await gaps(redis, async () => {
      await Promise.all([kill(first), kill(second)]);
      await vi.waitFor(async () => expect(await redis.set(keyIn(0, 'two'), '1')).toBe('OK'), { timeout: 25_000, interval: 50 });
      await vi.waitFor(async () => expect(await redis.set(keyIn(1, 'two'), '1')).toBe('OK'), { timeout: 25_000, interval: 50 });
    });
    report('two masters killed, longest gaps in ms', longest);
    expect(Math.max(...longest)).toBeLessThanOrEqual(20_000);
    expect(controller.log.join('\n')).toMatch(/take over without a vote: .* too few masters are left to vote/);
    await Promise.all([begin(first), begin(second)]);
    await controller.whole();
  });

  it('goes on when a master hangs, and takes it back as a replica when it wakes up', async () => {
    const third = 2;
    const hung = leading(third);
    const { longest } = await gaps(redis, async () => {
      await docker(['pause', container(servers, hung)]);
      await vi.waitFor(async () => expect(await redis.set(keyIn(third, 'paused'), '1')).toBe('OK'), { timeout: 15_000, interval: 50 });
    });
    report('master paused, longest gaps in ms', longest);
    expect(Math.max(...longest)).toBeLessThanOrEqual(8000);
    // It was the one that led.
    expect(longest[third], `${hung} ${JSON.stringify(controller.status())}`).toBeGreaterThan(1000);
    await docker(['unpause', container(servers, hung)]);
    await controller.whole();
    expect(controller.status()[hung]).toMatchObject({ role: 'replica' });
    expect(await redis.get(keyIn(third, 'paused'))).toBe('1');
  });

  it('has all that it had after a reboot, whatever the order in which its nodes start', async () => {
    const keys = [0, 1, 2].map((third) => keyIn(third, 'reboot'));
    for (const key of keys) await redis.set(key, 'kept');
    await sleep(200);
    const nodes = cache.config.nodes.map(({ service }) => container(servers, service));
    await docker(['kill', ...nodes]);
    for (const node of [4, 0, 5, 2, 3, 1].map((index) => nodes[index] as string)) await docker(['start', node]);
    const begun = performance.now();
    await controller.whole();
    await vi.waitFor(async () => expect(await Promise.all(keys.map((key) => redis.get(key)))).toEqual(['kept', 'kept', 'kept']), {
      timeout: 10_000,
    });
    report('rebooted, whole after ms', Math.round(performance.now() - begun));
  });

  it('takes in a node that was wiped, the leader of a third, and nobody remembers the old one', async () => {
    const key = keyIn(2, 'kept');
    await redis.set(key, 'here');
    const service = leading(2);
    await kill(service);
    await onVolume(servers, service, 'rm -rf /var/lib/redis/* /var/lib/redis/.lock');
    await begin(service);
    await vi.waitFor(() => expect(leading(2)).not.toBe(service), { timeout: 20_000 });
    await controller.whole();
    await vi.waitFor(async () => expect(await redis.get(key)).toBe('here'), { timeout: 5000 });
    expect(controller.status()[service]).toMatchObject({ role: 'replica', ok: true });
  });

  it('says in words what became of a file that was cut off, and of one that is damaged', async () => {
    const file = '$(ls -t /var/lib/redis/appendonlydir/*.incr.aof | head -1)';
    const [cut, damaged] = [leading(0), leading(1)];
    const key = keyIn(1, 'damaged');
    for (let i = 0; i < 50; i++) await Promise.all([redis.set(keyIn(0, 'cut'), `${i}`), redis.set(key, `${i}`)]);
    await sleep(1100);
    await Promise.all([kill(cut), kill(damaged)]);
    await onVolume(servers, cut, `truncate -s -7 ${file}`);
    await onVolume(servers, damaged, `printf garbage | dd of=${file} bs=1 seek=60 conv=notrunc status=none`);
    await Promise.all([begin(cut), begin(damaged)]);
    await vi.waitFor(async () => expect(await logOf(cut)).toMatch(/redis: the last write to the append-only file was cut off/), {
      timeout: 10_000,
    });
    const aside = /redis: the append-only file .* is damaged, not only cut off by a crash: .*: set aside in /;
    await vi.waitFor(async () => expect(await logOf(damaged)).toMatch(aside), { timeout: 10_000 });
    await controller.whole(40_000);
    await vi.waitFor(async () => expect(await redis.get(key)).toBe('49'), { timeout: 5000 });
  });

  it('takes new passwords while it runs: no connection is closed, no write waits', async () => {
    const [fresh, replication, keeping] = Array.from({ length: 3 }, () => randomBytes(18).toString('base64url'));
    const image = await imageOf('redis-1');
    const place = `for s in /s/redis-?/; do cd $s; rm -f redis-password-b redis-replication-password redis-keeper-password
      printf %s ${fresh} >redis-password-b; printf %s ${replication} >redis-replication-password; printf %s ${keeping} >redis-keeper-password
      chown 10003 *; chmod 400 *; done`;
    const ends = watchEnds();
    const { longest } = await gaps(redis, async () => {
      const mount = `${servers.state}/secrets:/s`;
      await docker(['run', '--rm', '--network', 'none', '--user', '0', '--entrypoint', 'sh', '--volume', mount, image, '-euc', place]);
      for (const { service } of cache.config.nodes) {
        const { status, stderr } = await inside(service, 'reload');
        expect(status, stderr).toBe(0);
      }
    });
    report('passwords reloaded in all nodes, longest gaps in ms', longest);
    expect(Math.max(...longest)).toBeLessThanOrEqual(500);
    expect(ends).toEqual([]);
    const second = cache.client('b');
    await answers(second);
    second.disconnect();
    // A replica comes in to its master with the new password.
    await docker(['restart', container(servers, 'redis-6')]);
    await cacheCommands.settled(cache.config, ['redis-6', '30'], () => undefined);
    await controller.whole();
  });

  it('takes a new certificate while it runs', async () => {
    const serial = () =>
      new Promise<string>((resolve, reject) => {
        const { address: host } = cache.config.nodes[1] as { address: string };
        const socket = tls.connect({ host, port: 6379, ca: readFileSync(cache.caFile) }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const [old, ends] = [await serial(), watchEnds()];
    const state = new StateFolder(servers.state);
    const { service, address } = cache.config.nodes[1] as { service: string; address: string };
    const spec = { name: service, subjects: [service, address, 'localhost', '127.0.0.1'], client: true, issuer: 'internal-ca', days: 90 };
    const issued = await internalCa(caStore(state), servers.project).issue(spec, new Date());
    await writeCertificate(state, service, issued, { uid: 10003, image: await imageOf(service) }, dockerCli);
    switchCertificate(state, service, issued.serial);
    const up = await servers.run(['up']);
    expect(up.status, up.stderr).toBe(0);
    expect(up.stderr).toMatch(/reload redis-2/);
    expect([await serial(), old === issued.serial]).toEqual([issued.serial, false]);
    expect(ends).toEqual([]);
  });

  it('comes together again when all addresses have changed at once, with all that it had', async () => {
    const key = keyIn(1, 'moved');
    await redis.set(key, 'kept');
    redis.disconnect();
    await controller.stop();
    expect((await servers.run(['down'])).status).toBe(0);
    const moved = await freeRange();
    configure(moved);
    cache = cacheOf(servers, addressesIn(moved, 6));
    controller = startKeeper(cache.config);
    const begun = performance.now();
    const up = await servers.run(['up']);
    expect(up.status, up.stderr).toBe(0);
    report('all addresses changed, healthy after s', Math.round((performance.now() - begun) / 100) / 10);
    await controller.whole();
    redis = cache.client();
    await answers(redis);
    expect(await redis.get(key)).toBe('kept');
  });
});
