import { createPrivateKey, X509Certificate } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaRecord } from '../../../src/certificates/ca/ca-record.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { localSocket } from '../../../src/docker/address.ts';
import { arriving, checkedByList, type Shaken, servedSerial, shaken } from '../../support/certificates/outsiders.ts';
import { docker, HOME, run } from '../../support/cli.ts';
import { request, until } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
beforeAll(async () => {
  space = await workspace('certs');
  configure();
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
});
afterAll(() => space?.destroy());

const configure = (edge: object = {}) =>
  space.configure({ profile: 'dev-compose', edge: { domains: ['localhost', 'shop.example'], ...edge } });
const certs = async (...args: string[]) => {
  const done = await space.run(['certs', ...args, '--json']);
  return { ...done, data: done.stdout ? JSON.parse(done.stdout) : undefined };
};
const folder = (name = 'edge') => path.join(space.state, 'certs', name);
const installed = (name = 'edge') => readlinkSync(path.join(folder(name), 'current'));
const roots = () => readFileSync(path.join(space.state, 'ca/trust/internal-ca.pem'), 'utf8');

const served = (servername?: string) => servedSerial(space.httpsPort, servername);
const visitors = (perSecond: number) => arriving(space.httpsPort, roots(), perSecond);

/** What a reader of `current/` finds: a certificate and the key that belongs to it. */
const isPair = () => {
  const read = (file: string) => readFileSync(path.join(folder(), 'current', file), 'utf8');
  return new X509Certificate(read('fullchain.pem')).checkPrivateKey(createPrivateKey(read('privkey.pem')));
};

describe('a renewal', () => {
  it('with nothing due leaves everything as it is, and says so', async () => {
    const before = installed();
    expect((await certs('renew')).data.certificates).toEqual([expect.objectContaining({ name: 'edge', action: 'kept', serial: before })]);
    expect(readFileSync(path.join(space.state, 'metrics/certificates.prom'), 'utf8')).toContain('medianest_certificate_ok{name="edge"');
  });
  it('is served by the end, and no visitor is failed meanwhile', async () => {
    const traffic = visitors(50);
    for (let round = 0; round < 10; round++) {
      const { data } = await certs('renew', '--force');
      expect(data.certificates[0]).toMatchObject({ action: 'renewed' });
      expect(await served()).toBe(data.certificates[0].serial);
    }
    const { count, failures } = await traffic.stop();
    expect(count).toBeGreaterThan(150);
    expect(failures).toEqual([]);
    expect((await space.run(['plan'])).status).toBe(0);
  });
  /** nginx refuses whatever it is to read meanwhile. */
  const whileRefused = async (act: () => ReturnType<typeof certs>) => {
    const config = path.join(space.state, 'config/edge', readlinkSync(path.join(space.state, 'config/edge/current')), 'tls.conf');
    const text = readFileSync(config, 'utf8');
    appendFileSync(config, 'nonsense on;\n');
    try {
      return await act();
    } finally {
      writeFileSync(config, text);
    }
  };
  it('that is refused by nginx goes back at once, and says why', async () => {
    const before = installed();
    const { status, data } = await whileRefused(() => certs('renew', '--force'));
    expect(status).toBe(1);
    expect(data.certificates[0]).toMatchObject({ action: 'failed', cause: expect.stringMatching(/refuses the new certificate.*nonsense/) });
    expect([installed(), await served()]).toEqual([before, before]);
    expect((await certs('status')).data.certificates[0]).toMatchObject({ status: 'ok', lastError: expect.any(String) });
  });
  it('of a revoked certificate that fails is told, and done by a later run', async () => {
    const before = installed();
    const { status, data } = await whileRefused(() => certs('revoke', 'edge', '--reason', 'keyCompromise'));
    expect([status, data.revoked]).toEqual([1, [{ name: 'edge', serial: before }]]);
    expect(data.certificates[0]).toMatchObject({ action: 'failed', cause: expect.stringMatching(/nonsense/) });
    expect([installed(), await served()]).toEqual([before, before]);
    const row = (await certs('status')).data.certificates[0];
    expect(row).toMatchObject({ status: 'revoked', cause: 'is revoked', lastError: expect.any(String), nextTry: expect.any(String) });
    const { checks } = JSON.parse((await space.run(['health', '--json'])).stdout);
    expect(checks).toContainEqual(expect.objectContaining({ id: 'certificate.edge', status: 'fail' }));
    expect((await certs('renew')).data.certificates[0]).toMatchObject({ action: 'waits', nextTry: row.nextTry });
    // The wait is over.
    const attempts = path.join(folder(), 'attempts.json');
    writeFileSync(attempts, JSON.stringify({ ...JSON.parse(readFileSync(attempts, 'utf8')), nextTry: new Date().toISOString() }));
    expect((await certs('renew')).data.certificates[0]).toMatchObject({ action: 'renewed', cause: 'is revoked' });
    expect(await served()).not.toBe(before);
    expect((await certs('status')).data.certificates[0]).toMatchObject({ status: 'ok', serial: await served() });
  });
  it('that a listener does not take up goes back too', async () => {
    const before = installed();
    const master = async (signal: string) =>
      docker(['exec', `${space.project}-edge-1`, 'bash', '-c', `kill -${signal} "$(cat /run/nginx.pid)"`]);
    await master('STOP');
    const { data } = await certs('renew', '--force');
    await master('CONT');
    expect(data.certificates[0]).toMatchObject({ action: 'failed', cause: expect.stringMatching(/back at the certificate/) });
    expect(installed()).toBe(before);
    await expect.poll(() => served(), { timeout: 10_000 }).toBe(before);
    await certs('renew', '--force');
  });
  it('can be killed at any moment', async () => {
    for (const delay of [120, 200, 280, 360, 440, 520, 600, 700, 850, 1000]) {
      await space.run(['certs', 'renew', '--force'], { onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), delay) });
      expect(isPair()).toBe(true);
      expect(await served()).toMatch(/^[0-9A-F]{32}$/);
    }
    const { data } = await certs('renew', '--wait-lock=20');
    expect(['kept', 'taken-up']).toContain(data.certificates[0].action);
    expect(await served()).toBe(installed());
  });
  it('twice at once is one after the other, or a word about who is first', async () => {
    const both = await Promise.all([certs('renew', '--force'), certs('renew', '--force')]);
    const codes = both.map(({ data }) => data.error?.code ?? data.certificates[0].action).sort();
    expect(codes).toEqual(['LOCKED', 'renewed']);
    const waiting = await Promise.all([certs('renew', '--force', '--wait-lock=30'), certs('renew', '--force', '--wait-lock=30')]);
    expect(waiting.map(({ data }) => data.certificates[0].action)).toEqual(['renewed', 'renewed']);
    expect(await served()).toBe(installed());
  });
  it('while the edge is away waits for it', async () => {
    await docker(['stop', `${space.project}-edge-1`]);
    const { data } = await certs('renew', '--force');
    expect(data.certificates[0]).toMatchObject({ action: 'renewed' });
    expect((await certs('status')).data.certificates[0]).toMatchObject({ status: 'ok', servedSerial: null });
    await space.run(['up']);
    expect(await served()).toBe(data.certificates[0].serial);
  });
  it('closes a key that others could read, and tells it', async () => {
    const key = path.join(folder(), 'current/privkey.pem');
    chmodSync(key, 0o644);
    const { stderr } = await certs('renew');
    expect(stderr).toMatch(/privkey\.pem could be read by others \(mode 644\); it is closed again/);
    expect(statSync(key).mode & 0o777).toBe(0o600);
  });
});

describe('what outsiders check of a certificate of the internal CA', () => {
  /** The answer is fetched by the edge once somebody has asked for it. */
  const stapled = async () => {
    await expect.poll(async () => (await shaken(space)).said, { timeout: 20_000 }).toBe('good');
    return shaken(space);
  };
  const checked = (seen: Shaken) => checkedByList(space, seen);

  it('is good by its stapled answer and by the list that it names, until it is revoked, which replaces it', async () => {
    const before = await stapled();
    expect(before).toMatchObject({ said: 'good', verified: true });
    expect(await checked(before)).toMatch(/seen\.pem: OK/);
    expect(await certs('revoke', 'edge', '--reason', 'keyCompromise')).toMatchObject({ status: 0 });
    expect(await checked(before)).toMatch(/certificate revoked/);
    const after = await stapled();
    expect(after.leaf).not.toBe(before.leaf);
    expect(after).toMatchObject({ said: 'good', verified: true });
    expect(await checked(after)).toMatch(/seen\.pem: OK/);
  });
});

describe('the root', () => {
  it('changes while visitors who trust the old one, or the new one, are connected', async () => {
    const old = roots();
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const options = { host: '127.0.0.1', port: space.httpsPort, servername: 'localhost', agent, ca: old };
    const visit = (more: object = {}) => request(`https://localhost:${space.httpsPort}/api/health`, { ...options, headers: {}, ...more });
    expect((await visit()).status).toBe(200);
    const traffic = visitors(20);
    expect(await certs('ca', 'rotate', '--root')).toMatchObject({ status: 0 });
    expect((await visit()).status).toBe(200);
    expect(await traffic.stop()).toMatchObject({ failures: [] });
    const fresh = readFileSync(path.join(space.state, 'ca/root.crt'), 'utf8');
    expect(old).not.toContain(fresh);
    for (const ca of [old, fresh]) expect((await visit({ agent: false, ca })).status).toBe(200);
    expect(await certs('ca', 'rotate', '--finish')).toMatchObject({ status: 0 });
    expect(roots()).toBe(fresh);
    expect((await visit({ agent: false, ca: fresh })).status).toBe(200);
    agent.destroy();
  });
  it('leaves the host with a passphrase, and comes back with it', async () => {
    space.write('pass', 'correct horse battery staple\n');
    const given = ['--passphrase-file', 'pass'];
    expect(await certs('ca', 'export', 'root-key.pem', '--remove', ...given)).toMatchObject({ status: 0, data: { removed: true } });
    expect(Object.keys(JSON.parse(readFileSync(path.join(space.state, 'ca/root.json'), 'utf8')))).not.toContain('privateKey');
    expect((await certs('ca', 'show')).data.keyOnHost).toBe(false);
    expect((await certs('renew', '--force')).data.certificates[0].action).toBe('renewed');
    expect((await certs('ca', 'rotate')).data.error.message).toMatch(/key is not on this host/);
    space.write('other', 'another passphrase\n');
    expect((await certs('ca', 'import', 'root-key.pem', '--passphrase-file', 'other')).data.error.code).toBe('CERTIFICATE_REFUSED');
    expect(await certs('ca', 'import', 'root-key.pem', ...given)).toMatchObject({ status: 0 });
    expect(await certs('ca', 'rotate')).toMatchObject({ status: 0 });
  });
});

describe('a path for people with a certificate', () => {
  const enter = async (name?: string) => {
    const client = name && {
      pfx: readFileSync(path.join(space.dir, `${name}.p12`)),
      passphrase: 'of the file',
    };
    const answer = await request(`https://localhost:${space.httpsPort}/api/status`, { family: 4, ca: roots(), ...client }).catch(
      () => undefined,
    );
    return answer?.status;
  };
  it('lets in who was given one, until it is revoked', async () => {
    configure({ clientCertificates: { paths: ['/api/status'] } });
    expect(await space.run(['up'])).toMatchObject({ status: 0 });
    space.write('password', 'of the file');
    for (const name of ['anna', 'ben'])
      expect(await certs('issue', '--client', name, '--password-file', 'password')).toMatchObject({ status: 0 });
    expect([await enter(), await enter('anna'), await enter('ben')]).toEqual([403, 200, 200]);
    expect(await certs('revoke', 'anna', '--reason', 'keyCompromise')).toMatchObject({ status: 0 });
    await expect.poll(() => enter('anna')).not.toBe(200);
    expect(await enter('ben')).toBe(200);
    expect((await certs('status')).data.clients).toEqual([
      expect.objectContaining({ name: 'anna', revoked: true }),
      expect.objectContaining({ name: 'ben', revoked: false }),
    ]);
  });
});

describe('a certificate of another CA', () => {
  let other: CaRecord | undefined;
  const store = {
    load: () => other,
    save: (ca: CaRecord) => {
      other = ca;
    },
  };
  const bought = (subjects: string[], days = 90) =>
    internalCa(store, 'other').issue({ name: 'x', subjects, issuer: 'internal-ca', days }, new Date());

  it('is imported after it was checked, and served for its name alone', async () => {
    configure({ certificates: [{ names: ['shop.example'], issuer: 'imported' }] });
    expect(await space.run(['up'])).toMatchObject({ status: 0 });
    const name = 'edge-shop.example';
    expect((await certs('status')).data.certificates).toContainEqual(expect.objectContaining({ name, status: 'stands-in' }));
    const good = await bought(['shop.example']);
    const wrong = await bought(['other.example']);
    space.write('root.pem', good.root as string);
    space.write('good.crt', `\ufeff${good.certificate.replaceAll('\n', '\r\n')}`);
    space.write('chain.pem', good.chain);
    space.write('key.pem', good.privateKey);
    space.write('wrong.pem', wrong.certificate + wrong.chain + wrong.privateKey);
    const refused = async (...files: string[]) => (await certs('import', ...files, '--ca', 'root.pem')).data.error;
    const before = installed(name);
    expect(await refused('wrong.pem')).toMatchObject({ code: 'CERTIFICATE_REFUSED', message: expect.stringMatching(/wrong-names/) });
    expect(await refused('good.crt', 'chain.pem')).toMatchObject({ message: expect.stringMatching(/no-key/) });
    expect(await refused('good.crt', 'key.pem')).toMatchObject({ message: expect.stringMatching(/missing-intermediate/) });
    expect(installed(name)).toBe(before);
    const done = await certs('import', 'key.pem', 'chain.pem', 'good.crt', '--ca', 'root.pem');
    expect(done).toMatchObject({ status: 0, data: { result: 'installed', serial: good.serial } });
    expect([await served('shop.example'), await served('localhost')]).toEqual([good.serial, installed()]);
    expect((await certs('status')).data.certificates).toContainEqual(
      expect.objectContaining({ name, status: 'ok', ocsp: 'not offered by this CA' }),
    );
  });
  it('is requested with a key that stays here, and imported as PKCS#12 or without its key', async () => {
    const { stdout } = await space.run(['certs', 'csr', '--organization', 'Example, "Ltd"', '--country', 'DE', '--key-type', 'rsa2048']);
    const request = space.write('request.pem', stdout);
    const told = await run('openssl', ['req', '-in', request, '-noout', '-verify', '-text']);
    expect(told.stdout + told.stderr).toMatch(/verify OK/);
    expect(told.stdout).toMatch(/O ?= ?"?Example, [\s\S]*DNS:shop\.example/);
    const signer = other?.intermediate as NonNullable<CaRecord['intermediate']>;
    const [ca, key] = [space.write('ca.pem', signer.certificate), space.write('ca.key', signer.privateKey)];
    const issuing = http.createServer((_request, response) => response.end(new X509Certificate(signer.certificate).raw));
    await new Promise<void>((resolve) => issuing.listen(0, '127.0.0.1', resolve));
    const { port } = issuing.address() as { port: number };
    const extensions = space.write(
      'extensions',
      `subjectAltName=DNS:shop.example\nextendedKeyUsage=serverAuth\nauthorityInfoAccess=caIssuers;URI:http://127.0.0.1:${port}/issuer.der\n`,
    );
    const signed = path.join(space.dir, 'signed.pem');
    await run('openssl', ['x509', '-req', '-in', request, '-CA', ca, '-CAkey', key, '-days', '30', '-extfile', extensions, '-out', signed]);
    // Its intermediate is fetched from where it says.
    const done = await certs('import', 'signed.pem', '--ca', 'root.pem');
    expect(done).toMatchObject({ status: 0, data: { result: 'installed', chain: [expect.stringContaining('intermediate')] } });
    expect(done.stderr).toContain(`an intermediate is missing: asking http://127.0.0.1:${port}/issuer.der for it`);
    issuing.close();
    expect(await served('shop.example')).toBe(new X509Certificate(readFileSync(signed)).serialNumber);
    expect(existsSync(path.join(folder('edge-shop.example'), 'request'))).toBe(false);
    const next = await bought(['shop.example']);
    const [leaf, nextKey] = [space.write('next.pem', next.certificate + next.chain), space.write('next.key', next.privateKey)];
    await run('openssl', [
      'pkcs12',
      '-export',
      '-in',
      leaf,
      '-inkey',
      nextKey,
      '-out',
      path.join(space.dir, 'next.p12'),
      '-passout',
      'pass:of the file',
    ]);
    expect((await certs('import', 'next.p12', '--ca', 'root.pem')).data.error.message).toMatch(/password does not open/);
    expect(await certs('import', 'next.p12', '--ca', 'root.pem', '--password-file', 'password')).toMatchObject({ status: 0 });
    expect(await served('shop.example')).toBe(next.serial);
  });
});

describe('the schedule', () => {
  const machine = `${PREFIX}-scheduler`;
  const OPERATOR = 1234;
  const inside = (...command: string[]) => docker(['exec', '--workdir', space.dir, machine, ...command]);
  const schedule = (...args: string[]) => inside('node', '/opt/medianest/bin/medianest.js', 'certs', 'schedule', ...args);
  const status = async () => JSON.parse((await schedule('status', '--json')).stdout);
  const unit = () => `medianest-${space.project}-certs`;
  /** Written anew by each run of `certs renew`. */
  const trace = () => path.join(space.state, 'metrics/certificates.prom');

  /** A Debian with systemd that has this machine's engine, network and folder of settings. */
  beforeAll(async () => {
    const image = 'medianest-test/clients:1';
    await docker(['build', '--quiet', '--tag', image, path.join(HOME, 'test/support/certificates/clients')]);
    await docker(['rm', '--force', machine]);
    const socket = localSocket(process.env)?.path ?? '/var/run/docker.sock';
    const started = await docker([
      ...['run', '--detach', '--name', machine, '--privileged', '--cgroupns', 'private', '--network', 'host', '--env', 'container=docker'],
      ...['--tmpfs', '/run', '--tmpfs', '/run/lock', '--volume', `${socket}:/run/docker.sock`, '--volume', `${HOME}:/opt/medianest:ro`],
      ...['--volume', `${space.dir}:${space.dir}`, image, '/lib/systemd/systemd'],
    ]);
    if (started.status !== 0) throw new Error(started.stderr);
    const up = async () => ['running', 'degraded'].includes((await inside('systemctl', 'is-system-running')).stdout.trim());
    await until('systemd has started', up, 60);
    // Its operator is no root: a member of the group that may use the engine, who owns the folder.
    const gid = localSocket(process.env)?.gid ?? 0;
    const made = `{ getent group ${gid} || groupadd --gid ${gid} engine; } && useradd --uid ${OPERATOR} --groups ${gid} somebody`;
    expect(await inside('sh', '-c', `${made} && chown -R ${OPERATOR}:${OPERATOR} ${space.dir}`)).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    await inside('chown', '-R', `${process.getuid?.()}:${process.getgid?.()}`, space.dir);
    await docker(['rm', '--force', '--volumes', machine]);
  });

  it('is a timer of systemd that renews what is due, once when it is installed and then by itself', async () => {
    expect(await status()).toEqual({ installed: false, timers: [] });
    rmSync(trace(), { force: true });
    expect(await schedule('install')).toMatchObject({ status: 0, stdout: expect.stringContaining(`${unit()}.timer`) });
    expect(statSync(trace()).uid).toBe(OPERATOR);
    expect(await status()).toMatchObject({
      installed: true,
      timers: [{ unit: unit(), active: true, next: expect.any(String), lastResult: 'success' }],
    });
    const verified = await inside('systemd-analyze', 'verify', `/etc/systemd/system/${unit()}.timer`);
    expect(verified).toMatchObject({ status: 0, stderr: '' });
    // Its hour comes sooner here; all else is as it was installed.
    const soon = `mkdir -p /etc/systemd/system/${unit()}.timer.d && printf '[Timer]\\nOnActiveSec=1\\nRandomizedDelaySec=0\\nAccuracySec=1ms\\n' >/etc/systemd/system/${unit()}.timer.d/soon.conf`;
    rmSync(trace());
    expect(await inside('sh', '-c', `${soon} && systemctl daemon-reload && systemctl restart ${unit()}.timer`)).toMatchObject({
      status: 0,
    });
    await expect.poll(() => existsSync(trace()), { timeout: 60_000, interval: 300 }).toBe(true);
    expect((await inside('journalctl', '--no-pager', '--unit', unit())).stdout).toMatch(/edge: kept \(is good until/);
  });
  it('tells at once where its runs would fail, and is gone once it is removed', async () => {
    const settings = readFileSync(path.join(space.dir, 'medianest.yml'), 'utf8');
    space.write('medianest.yml', 'version: 1\nnonsense: true\n');
    const failing = await inside('systemctl', 'start', `${unit()}.service`);
    space.write('medianest.yml', settings);
    expect(failing.status).not.toBe(0);
    expect((await status()).timers).toMatchObject([{ lastResult: 'exit-code' }]);
    expect(await schedule('install')).toMatchObject({ status: 0 });
    expect((await status()).timers).toMatchObject([{ lastResult: 'success' }]);
    expect(await schedule('remove')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`removed /etc/systemd/system/${unit()}.timer`),
    });
    expect(await status()).toMatchObject({ installed: false });
    expect((await inside('systemctl', 'list-timers', '--all', '--no-legend')).stdout).not.toContain('medianest');
    expect(await schedule('remove')).toMatchObject({ status: 0, stdout: 'no timer is installed\n' });
  });
  it('says what to run where no systemd does, and what only root may do', async () => {
    const other = ['run', '--rm', '--volume', `${HOME}:/opt/medianest:ro`, '--volume', `${space.dir}:${space.dir}`, '--workdir', space.dir];
    const command = ['node', '/opt/medianest/bin/medianest.js', 'certs', 'schedule', 'install'];
    const without = await docker([...other, 'medianest-test/clients:1', ...command]);
    expect(without.stderr).toMatch(
      /systemd does not run here[\s\S]*have cron run this: 0 \* \* \* \* \S*node \S*medianest.js certs renew --wait-lock/,
    );
    expect(without.status).toBe(1);
    const withSetting = await docker([...other, '--env', 'MEDIANEST_APP_LOG_LEVEL=warn', 'medianest-test/clients:1', ...command]);
    expect(withSetting).toMatchObject({ status: 2, stderr: expect.stringContaining('$MEDIANEST_APP_LOG_LEVEL would not be set') });
  });
});
