import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/capability/check.ts';
import { SSL_REQUEST, SshClient, talk } from '../../support/bastion/ssh-client.ts';
import { docker } from '../../support/cli.ts';
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

// The real sshd in its container, the real ssh on this machine.
let space: Workspace;
let known: string;
let alice: SshClient;
let bob: SshClient;
let next = 0;

const local = () => space.devPort + ++next;
const container = () => `${space.project}-bastion-1`;
const events = () => audit(space).filter(({ user }) => user === 'bastion');
const ssh = (who: SshClient, args: readonly string[], code: string | undefined) =>
  who.start([...args, `${who.name}@127.0.0.1`], code, known);

interface Added {
  otpauth: string;
  scratch: string[];
  hostKey: string;
  applied: boolean;
}

async function add(who: SshClient, ...options: string[]): Promise<Added> {
  const added = await space.run(['bastion', 'add', who.name, '--key', `${who.key}.pub`, '--json', ...options]);
  expect([added.status, added.stdout, added.stderr]).toEqual([0, expect.any(String), expect.any(String)]);
  who.learn(parsed<Added>(added).otpauth);
  return parsed<Added>(added);
}

/** Signed in, with forwards: host:port -> port on this machine. */
async function forwarding(who: SshClient, ...targets: string[]) {
  const ports = targets.map(() => local());
  const session = await ssh(who, ['-N', ...targets.flatMap((target, index) => ['-L', `${ports[index]}:${target}`])], await who.code());
  expect([await session.letIn(), session.output]).toEqual([true, expect.any(String)]);
  return { session, ports };
}

beforeAll(async () => {
  space = await workspace('bastion');
  space.configure({
    profile: 'dev-compose',
    components: { edge: false, app: false, backup: false, agent: false, 'engine-proxy': false, bastion: true },
    bastion: { port: space.httpsPort, allow: ['database', 'cache'], allowOperators: ['cache'] },
  });
  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.stringContaining('host key is SHA256:')]);
  const { hostKey } = parsed<{ hostKey: string }>(await space.run(['bastion', 'show', '--json']));
  known = space.write('known_hosts', `[127.0.0.1]:${space.httpsPort} ${hostKey}\n`);
  alice = await SshClient.make(space.dir, 'alice', space.httpsPort);
  bob = await SshClient.make(space.dir, 'bob', space.httpsPort);
  await add(alice, '--role', 'admin');
  await add(bob, '--role', 'operator', '--until', '2099-12-31');
});
afterAll(() => space?.destroy());

describe('a person with a key and a code', () => {
  it('reaches the targets of their role, and nothing else', async () => {
    const { stdout: inspected } = await docker([
      'inspect',
      '--format',
      '{{json .NetworkSettings.Networks}}',
      `${space.project}-postgres-1`,
    ]);
    const [{ IPAddress: address } = { IPAddress: '' }] = Object.values(JSON.parse(inspected) as Record<string, { IPAddress: string }>);
    const refused = ['postgres:5432', `${address}:5432`, 'database:22', 'redis:6379', '127.0.0.1:2222', '[::1]:2222', '192.0.2.1:443'];
    const { session, ports } = await forwarding(alice, 'database:5432', 'cache:6379', ...refused);
    const [database, cache, ...others] = ports as [number, number, ...number[]];
    expect(await talk(database, SSL_REQUEST)).toMatch(/^[SN]$/);
    expect(await talk(cache, Buffer.from('PING\r\n'))).toMatch(/^(-NOAUTH|\+PONG)/);
    for (const [index, port] of others.entries()) expect([refused[index], await talk(port, SSL_REQUEST)]).toEqual([refused[index], '']);
    const operator = await forwarding(bob, 'cache:6379', 'database:5432');
    expect(await talk(operator.ports[0] as number, Buffer.from('PING\r\n'))).toMatch(/^(-NOAUTH|\+PONG)/);
    expect(await talk(operator.ports[1] as number, SSL_REQUEST)).toBe('');
    const { sessions } = parsed<{ sessions: { name: string; targets: string[]; key: string }[] }>(
      await space.run(['bastion', 'sessions', '--json']),
    );
    expect(sessions.map(({ name, targets }) => [name, targets]).sort()).toEqual([
      ['alice', ['database:5432', 'cache:6379']],
      ['bob', ['cache:6379']],
    ]);
    expect(sessions[0]?.key).toMatch(/^SHA256:/);
    await Promise.all([session.stop(), operator.session.stop()]);
  });

  it('gets no shell, no command, no remote forward and no files', async () => {
    const tried: [string, string[]][] = [
      ['shell', ['-T']],
      ['command', ['-T', 'id']],
    ];
    for (const [what, args] of tried) {
      const [first = '', ...rest] = args;
      const session = await alice.start([first, `alice@127.0.0.1`, ...rest], await alice.code(), known);
      expect([what, await session.letIn()]).toEqual([what, true]);
      expect([what, await session.ended, session.output]).toEqual([what, 255, expect.not.stringContaining('uid=')]);
    }
    const files = await bob.start(['-s', 'bob@127.0.0.1', 'sftp'], await bob.code(), known);
    expect([await files.letIn(), await files.ended, files.output]).toEqual([true, 255, expect.any(String)]);
    const remote = await ssh(bob, ['-N', '-R', `${local()}:127.0.0.1:22`], await bob.code());
    expect([await remote.ended, remote.output]).toEqual([255, expect.stringContaining('remote port forwarding failed')]);
  });

  it('is in the audit log: each event once, with what was refused', async () => {
    const count = (what: RegExp) => events().filter(({ command }) => what.test(command)).length;
    await until('the end of each session is noted', async () => {
      await space.run(['bastion', 'audit']);
      return count(/: signed in /) > 0 && count(/: the session ended$/) === count(/: signed in /);
    });
    expect(parsed<{ sessions: [] }>(await space.run(['bastion', 'sessions', '--json'])).sessions).toEqual([]);
    const noted = events();
    expect((await space.run(['bastion', 'audit'])).stdout).toContain('nothing new');
    expect(events()).toEqual(noted);
    expect(noted.slice(0, 3).map(({ command }) => command)).toEqual([
      expect.stringMatching(/^alice: signed in from [\d.]+ port \d+ \(key SHA256:.+\)$/),
      'alice: opened database:5432',
      'alice: opened cache:6379',
    ]);
    expect(noted).toContainEqual(expect.objectContaining({ command: 'bob: was refused database:5432', result: 'failed' }));
    expect((await space.run(['audit', 'verify'])).status).toBe(0);
  });
});

describe('refused', () => {
  it('are a wrong code, a used one also after a restart, a key without a code, and a code without a key', async () => {
    const stranger = await SshClient.make(space.dir, 'stranger', space.httpsPort);
    const carol = await SshClient.make(space.dir, 'carol', space.httpsPort);
    const { scratch } = await add(carol);
    const [first = '', second = ''] = scratch;
    const tries: [string, SshClient, string | undefined, string?][] = [
      ['a wrong code', carol, '000000'],
      ['no code', carol, undefined],
      ['another key', stranger, second, 'carol'],
    ];
    for (const [what, who, code, as] of tries) {
      const session = await who.start(['-N', `${as ?? who.name}@127.0.0.1`], code, known);
      expect([what, await session.letIn()]).toEqual([what, false]);
    }
    const good = await ssh(carol, ['-N'], first);
    expect([await good.letIn(), good.output]).toEqual([true, expect.any(String)]);
    await good.stop();
    const before = parsed<{ fingerprint: string }>(await space.run(['bastion', 'show', '--json'])).fingerprint;
    expect((await docker(['restart', '--time', '1', container()])).status).toBe(0);
    await until('sshd answers', async () => (await space.run(['health', '--json'])).stdout.includes('answers with its host key'), 30);
    expect(parsed<{ fingerprint: string }>(await space.run(['bastion', 'show', '--json'])).fingerprint).toBe(before);
    expect(await (await ssh(carol, ['-N'], first)).letIn()).toBe(false);
  });
});

describe('a change of people', () => {
  it('counts at once, ends sessions of who is removed or has a new second factor, and leaves `up` nothing to do', async () => {
    const { session } = await forwarding(bob, 'cache:6379');
    const removed = parsed<{ ended: number; applied: boolean }>(await space.run(['bastion', 'remove', 'bob', '--json']));
    expect(removed).toMatchObject({ applied: true, ended: 1 });
    expect(await session.ended).toBe(255);
    expect(await (await ssh(bob, ['-N'], await bob.code())).letIn()).toBe(false);
    expect((await space.run(['plan'])).status).toBe(0);
    const reset = await space.run(['bastion', 'reset', 'alice', '--json']);
    expect(await (await ssh(alice, ['-N'], await alice.code())).letIn()).toBe(false);
    alice.learn(parsed<Added>(reset).otpauth);
    const back = await ssh(alice, ['-N'], await alice.code());
    expect([await back.letIn(), back.output]).toEqual([true, expect.any(String)]);
    await back.stop();
  });

  it('is refused where the people are damaged, and those who are known stay', async () => {
    const file = path.join(space.state, 'secrets.json');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.replace('medianest-bastion 1', 'medianest-bastion ?'));
    const refused = await space.run(['bastion', 'remove', 'alice', '--json']);
    expect([refused.status, parsed<JsonError>(refused).error.code]).toEqual([1, 'STATE_DAMAGED']);
    const health = parsed<HealthReport>(await space.run(['health', '--json']));
    expect(health.checks).toContainEqual(expect.objectContaining({ id: 'bastion', status: 'fail' }));
    writeFileSync(file, good);
    const both = await Promise.all(['dora', 'emil'].map(async (name) => SshClient.make(space.dir, name, space.httpsPort)));
    const results = await Promise.all(
      both.map(({ name, key }) => space.run(['bastion', 'add', name, '--key', `${key}.pub`, '--wait-lock'])),
    );
    expect(results.map(({ status }) => status)).toEqual([0, 0]);
    const { people: listed } = parsed<{ people: { name: string }[] }>(await space.run(['bastion', 'list', '--json']));
    expect(listed.map(({ name }) => name)).toEqual(['alice', 'carol', 'dora', 'emil']);
  });
});
