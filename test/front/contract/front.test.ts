import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { dockerCli } from '../../../src/docker/compose.ts';
import { connectEngine } from '../../../src/docker/docker.ts';
import { applyFront, joinFront, leaveFront, withFront } from '../../../src/front/perform.ts';
import { type Claim, joined, NO_CLAIMS } from '../../../src/front/plan/claims.ts';
import { applyClaims, refuseTakenFrontPorts } from '../../../src/front/running.ts';
import { frontStatus } from '../../../src/front/status.ts';
import { currentConfig, frontPlace } from '../../../src/front/store.ts';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, stackOf } from '../../support/settings.ts';
import { until } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { PREFIX } from '../../support/workspace.ts';

const folder = temporaryFolder('front');
const env = { ...process.env, XDG_STATE_HOME: folder };
const place = frontPlace(env);
const engine = connectEngine(process.env);
const context = { env, docker: async () => dockerCli, report: { note: () => undefined }, signal: new AbortController().signal };
const run = { context: context as unknown as Context, engine };
const [httpPort, httpsPort] = [32_180 + (process.pid % 300), 32_580 + (process.pid % 300)];
const PROJECTS = ['one', 'two', 'three'] as const;

const stack = stackOf(load({ flags: { profile: 'prod' } }), undefined, (folder = '') => hashImageSource(HOME, folder));
const imageOf = (name: string) => stack.services.find((service) => service.name === name)?.image.ref as string;

const stateOf = (project: string) => path.join(folder, 'edges', project);

const claim = (project: string, more: Partial<Claim> = {}): Claim => ({
  stateFolder: stateOf(project),
  names: [`${project}.example.org`],
  addresses: ['127.0.0.1', '::1'],
  httpPort,
  httpsPort,
  ...more,
});

const edgeName = (project: string) => `${PREFIX}-front-${project}`;

/** An nginx as the edge listens, which tells by whom it was asked. */
async function startEdge(project: string): Promise<void> {
  const config = stateOf(project);
  mkdirSync(config, { recursive: true });
  const text = `pid /run/nginx.pid;\nerror_log stderr crit;\nevents {}\nhttp {
    access_log off;\n client_body_temp_path /tmp/a;\n proxy_temp_path /tmp/b;\n fastcgi_temp_path /tmp/c;\n uwsgi_temp_path /tmp/d;\n scgi_temp_path /tmp/e;
    set_real_ip_from unix:;\n real_ip_header proxy_protocol;
    server {
      listen unix:/run/front/tls.sock ssl proxy_protocol;\n listen unix:/run/front/http.sock proxy_protocol;
      ssl_certificate /tmp/cert.pem;\n ssl_certificate_key /tmp/key.pem;
      location / { return 200 "${project} $remote_addr $scheme"; }
    }
  }\n`;
  writeFileSync(`${config}/nginx.conf`, text);
  const openssl = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${project} -keyout /tmp/key.pem -out /tmp/cert.pem`;
  const { status, stderr } = await docker([
    ...['run', '--detach', '--network', 'none', '--name', edgeName(project), '--user', '10004', '--read-only'],
    ...['--tmpfs', '/tmp:mode=1777', '--tmpfs', '/run:mode=1777', '--volume', `${config}:/etc/edge:ro`],
    ...['--volume', `${place.root}/sockets/${project}:/run/front`, '--entrypoint', 'bash', imageOf('edge')],
    ...['-c', `rm -f /run/front/*.sock; ${openssl} && exec nginx -c /etc/edge/nginx.conf -e stderr -g 'daemon off;'`],
  ]);
  if (status !== 0) throw new Error(stderr);
}

const clean = async () => {
  await docker(['rm', '--force', ...PROJECTS.map(edgeName), `${place.name}-front-1`]);
};

beforeAll(async () => {
  await clean();
  for (const project of ['one', 'two']) {
    await joinFront(project, claim(project), run);
    await startEdge(project);
  }
  await applyFront(imageOf('balancer'), run);
  for (const project of ['one', 'two'])
    await until(`${project} is served`, async () => (await ask(`${project}.example.org`).catch(() => '')) !== '', 20);
}, 60_000);
afterAll(clean);

/** The answer to one request by HTTPS, by a name of the front. */
const ask = (name: string, { agent, host = '127.0.0.1' }: { agent?: https.Agent; host?: string } = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { port: httpsPort, servername: name, rejectUnauthorized: false, headers: { host: name }, timeout: 8000 };
    const call = https.get({ host, ...options, agent: agent ?? false }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    });
    call.on('timeout', () => call.destroy(new Error('no answer in 8 s')));
    call.on('error', reject);
  });

const askPlain = (host: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port: httpPort, headers: { host, 'x-forwarded-for': '6.6.6.6' }, agent: false }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      })
      .on('error', reject);
  });

/** Whether a handshake shows a certificate; of whom. */
const certificateFor = (servername: string | undefined): Promise<string> =>
  new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port: httpsPort, rejectUnauthorized: false, ...(servername && { servername }) }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', () => resolve('refused'));
  });

/** What is answered to raw bytes before the connection ends. */
const send = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(9000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });

it('passes each name on to its own project, with the client’s address', async () => {
  for (const project of ['one', 'two']) {
    const [who, address, scheme] = (await ask(`${project}.example.org`)).split(' ');
    expect([who, net.isIP(address ?? ''), scheme]).toEqual([project, 4, 'https']);
    expect(await certificateFor(`${project.toUpperCase()}.example.org`)).toBe(project);
    const plain = await askPlain(`${project}.example.org:80`);
    // Not what the client claims of itself.
    expect([plain.status, plain.text]).toEqual([200, `${project} ${address} http`]);
  }
  expect(await ask('two.example.org', { host: '::1' })).toMatch(/^two /);
});

it('shows no certificate to any other name, and answers no other Host', async () => {
  for (const name of ['three.example.org', 'example.org', undefined]) expect([name, await certificateFor(name)]).toEqual([name, 'refused']);
  expect((await askPlain('three.example.org')).status).toBe(421);
  expect((await askPlain('127.0.0.1')).status).toBe(421);
});

it('believes no PROXY header of a client', async () => {
  const spoof = 'PROXY TCP4 6.6.6.6 127.0.0.1 1 443\r\n';
  expect(await send(httpsPort, spoof)).toBe('');
  expect(await send(httpPort, `${spoof}GET / HTTP/1.1\r\nHost: one.example.org\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.\d 400/);
});

it('refuses a name that another project has, and other ports than the others’', async () => {
  await expect(joinFront('three', claim('three', { names: ['two.example.org', 'three.example.org'] }), run)).rejects.toMatchObject({
    code: 'ALREADY_THERE',
    message: expect.stringMatching(/two\.example\.org is served by the project two \(.*two\)/),
  });
  await expect(joinFront('three', claim('three', { httpsPort: 1 }), run)).rejects.toMatchObject({ code: 'ALREADY_THERE' });
  expect(Object.keys((await frontStatus(place, engine)).claims.projects)).toEqual(['one', 'two']);
});

it('refuses the ports to the front of another user, with the folder and owner of this one', async () => {
  const claims = joined(NO_CLAIMS, 'theirs', claim('theirs'), new Set());
  const other = frontPlace({ XDG_STATE_HOME: '/theirs' });
  await expect(refuseTakenFrontPorts(place, claims, [], engine)).resolves.toBe(undefined);
  await expect(refuseTakenFrontPorts(other, claims, [], engine)).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: expect.stringMatching(new RegExp(`port ${httpPort} .*${place.name} \\(the front of .* \\(uid \\d+\\), in ${place.root}\\)`)),
  });
});

it('serves as before where HAProxy refuses a configuration, and is changed by one command at a time', async () => {
  const before = currentConfig(place);
  // A name that is no word of HAProxy's: no setting lets it through.
  const broken = { version: 1 as const, projects: { 'not a word {': claim('broken') } };
  const broke = withFront(run, 'a test', (where, reach) => applyClaims(where, broken, undefined, reach));
  await expect(broke).rejects.toMatchObject({ code: 'CONFIG_REFUSED', message: expect.stringContaining('it serves as before') });
  expect(currentConfig(place)).toBe(before);
  expect(await ask('one.example.org')).toMatch(/^one /);
  const found = await Promise.all([1, 2, 3].map(() => applyFront(imageOf('balancer'), run)));
  expect(found).toEqual([undefined, undefined, undefined]);
});

it('drops no request of the others while a project joins, is replaced and leaves', async () => {
  const failures: string[] = [];
  let sent = 0;
  let over = false;
  const note = (error: unknown) => failures.push(`${Date.now()} ${String(error)}`);
  const under: Promise<unknown>[] = [];
  const fresh = (async () => {
    while (!over) {
      sent += 1;
      under.push(ask('one.example.org').then((text) => text.startsWith('one ') || note(text), note));
      await sleep(20);
    }
  })();
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  agent.on('free', (socket) => sockets.add(socket));
  const kept = (async () => {
    while (!over) {
      await ask('two.example.org', { agent }).then((text) => text.startsWith('two ') || note(text), note);
      await sleep(50);
    }
  })();
  await sleep(500);
  await Promise.all([joinFront('three', claim('three'), run), sleep(1)]);
  await startEdge('three');
  await applyFront(imageOf('balancer'), run);
  await until('three is served', async () => (await ask('three.example.org').catch(() => '')).startsWith('three'), 10);
  // The others do not notice that its edge is away.
  await docker(['rm', '--force', edgeName('three')]);
  expect(await ask('three.example.org').catch(() => 'refused')).toBe('refused');
  await leaveFront('three', stateOf('three'), run);
  expect(await certificateFor('three.example.org')).toBe('refused');
  await sleep(500);
  over = true;
  await Promise.all([fresh, kept, ...under]);
  agent.destroy();
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(50);
  // Two reloads, and the connection is the first one.
  expect(sockets.size).toBe(1);
}, 60_000);

it('is started again when it is killed', async () => {
  const { stdout } = await docker(['inspect', '--format', '{{.State.Pid}}', `${place.name}-front-1`]);
  process.kill(Number(stdout), 'SIGKILL');
  await until('the front serves again', async () => (await ask('one.example.org').catch(() => '')).startsWith('one '), 20);
});

it('is made again where its folder was deleted while it ran', async () => {
  rmSync(place.root, { recursive: true });
  for (const project of ['one', 'two']) await joinFront(project, claim(project), run);
  // What `up` does, too: they have the folder of before.
  await docker(['restart', '--time', '1', edgeName('one'), edgeName('two')]);
  expect(await applyFront(imageOf('balancer'), run)).toMatchObject({ action: 'up', cause: expect.stringContaining('deleted') });
  for (const project of ['one', 'two'])
    await until(`${project} is served`, async () => (await ask(`${project}.example.org`).catch(() => '')).startsWith(project), 20);
  expect(await applyFront(imageOf('balancer'), run)).toBeUndefined();
}, 60_000);

it('goes with the last project', async () => {
  await leaveFront('two', stateOf('two'), run);
  expect((await ask('one.example.org')).startsWith('one ')).toBe(true);
  await leaveFront('one', stateOf('one'), run);
  expect((await engine.observe(place.name)).length).toBe(0);
  expect(existsSync(place.root)).toBe(false);
});
