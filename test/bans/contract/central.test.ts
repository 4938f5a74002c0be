import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, run } from '../../support/cli.ts';
import { answers, startCrowdsec } from './engine.ts';

const ALONE = `crowdsec-alone-${process.pid}`;
const WITH = `crowdsec-central-${process.pid}`;

/** Plays api.crowdsec.net (its API of version 2) in the container's own network: it refuses what that does not know, and who has not signed in. */
const CENTRAL = (dir: string) => `
  const fs = require('node:fs');
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(), 500);
  const at = (name) => ${JSON.stringify(dir)} + '/' + name;
  let known, token;
  const answers = {
    'POST /v2/watchers': ({ machine_id, password }) => { if (machine_id && password) { known = machine_id + password; return { message: 'OK' }; } },
    'POST /v2/watchers/login': ({ machine_id, password }) => {
      if (machine_id + password !== known) return;
      token = 'e30.e30.' + 'x'.repeat(8);
      return { code: 200, expire: new Date(Date.now() + 3_600_000).toISOString(), token };
    },
    'POST /v2/metrics/': () => ({ message: 'OK' }),
    'POST /v2/signals': () => ({ message: 'OK' }),
    'GET /v2/decisions/stream': () => ({
      new: [{ scenario: 'crowdsecurity/http-probing', scope: 'ip', type: 'ban', origin: 'CAPI', duration: '24h', value: '198.18.66.2' }], deleted: [] }),
  };
  require('node:https').createServer({ key: fs.readFileSync(at('key.pem')), cert: fs.readFileSync(at('cert.pem')) }, (request, answer) => {
    let body = '';
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
      const what = request.method + ' ' + request.url.split('?')[0];
      const signedIn = what.includes('/watchers') || (token && request.headers.authorization === 'Bearer ' + token);
      const said = signedIn && answers[what] ? answers[what](body ? JSON.parse(body) : {}) : undefined;
      fs.appendFileSync(at('asked'), JSON.stringify({ what, body, refused: said === undefined }) + '\\n');
      answer.writeHead(said ? 200 : 403, { 'content-type': 'application/json' }).end(JSON.stringify(said ?? {}));
    });
  }).listen(443, '127.0.0.1', () => console.log('ready'));`;

describe('the central list', { timeout: 90_000 }, () => {
  let dir: string;
  let central: ReturnType<typeof spawn> | undefined;
  const asked = () =>
    readFileSync(path.join(dir, 'asked'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { what: string; body: string; refused: boolean });
  const inside = async (name: string, ...argv: string[]) => {
    const ended = await docker(['exec', name, ...argv]);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    return ended.stdout;
  };
  const start = (name: string, more: string[] = [], command: string[] = []) =>
    startCrowdsec(
      name,
      ['bans-central', 'profile: dev-compose\ncomponents: { crowdsec: true }\nbans: { central: true }\n'],
      dir,
      ['--add-host', 'api.crowdsec.net:127.0.0.1', '--env', 'SSL_CERT_FILE=/srv/cert.pem', '--volume', `${dir}:/srv:ro`, ...more],
      command,
    );

  beforeAll(async () => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-central-'));
    writeFileSync(path.join(dir, 'asked'), '');
    const made = await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=api.crowdsec.net'],
      ...['-addext', 'subjectAltName=DNS:api.crowdsec.net', '-keyout', path.join(dir, 'key.pem'), '-out', path.join(dir, 'cert.pem')],
    ]);
    expect(made, made.stderr).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    central?.kill('SIGKILL');
    await docker(['rm', '--force', '--volumes', ALONE, WITH]);
    rmSync(dir, { recursive: true, force: true });
  });

  it('is not needed to start: without an answer CrowdSec decides alone, and says so', async () => {
    await start(ALONE);
    await answers(ALONE);
    expect((await docker(['logs', ALONE])).stderr).toContain('api.crowdsec.net cannot be reached');
    await inside(ALONE, 'crowdsec', '-c', '/etc/medianest/current/config.yaml', '-t');
  });

  it('is fetched after a registration; its makers are told address, scenario and time of a ban, and nothing that a client did', async () => {
    const waits = 'until [ -e /srv/go ]; do sleep 0.2; done; exec entrypoint';
    await start(WITH, ['--entrypoint', 'bash'], ['-c', waits]);
    const pid = (await docker(['inspect', '--format', '{{.State.Pid}}', WITH])).stdout.trim();
    central = spawn('nsenter', ['--target', pid, `--net`, process.execPath, '-e', CENTRAL(dir)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((ready) => central?.stdout?.once('data', ready));
    writeFileSync(path.join(dir, 'go'), '');
    await answers(WITH);
    const listed = () => inside(WITH, 'cscli', 'decisions', 'list', '--all', '--output', 'raw');
    await expect.poll(listed, { timeout: 40_000, interval: 1000 }).toContain('CAPI,Ip:198.18.66.2');
    const line = '{"time":"2026-11-30T10:00:00+00:00","client":"203.0.113.6","what":"waf","status":403,"method":"GET","path":"/private"}';
    await inside(WITH, 'submit', ...Array.from({ length: 8 }, () => line));
    const signals = () => asked().find(({ what }) => what === 'POST /v2/signals')?.body;
    await expect.poll(signals, { timeout: 45_000, interval: 1000 }).toContain("Ip 203.0.113.6 performed 'medianest/waf'");
    expect(asked().filter(({ refused }) => refused)).toEqual([]);
    expect(JSON.stringify(asked())).not.toContain('/private');
  });
});
