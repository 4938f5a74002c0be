import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM, type Run } from '../../support/cli.ts';
import { ADDRESSES } from '../../support/network/firewall-world.ts';
import { CLOSED, type Driver, drive, firewallSettings, OPEN } from './driver.ts';

describe('rules on trial', { timeout: 60_000 }, () => {
  let host: Driver;
  beforeAll(async () => {
    host = await drive('fw-trial');
  });
  beforeEach(async () => {
    host.settings(OPEN);
    await host.done('remove');
  });
  afterAll(() => host?.destroy());

  it('ends a trial without a confirmation, also where the session and the program were killed', async () => {
    await host.keep(OPEN);
    host.settings(CLOSED);
    const argv = host.command('host', ['env', '-u', 'SSH_CONNECTION', 'script', '--quiet', '--return', '--command']);
    const command = `'${process.execPath}' '${PROGRAM}' firewall apply --for 8`;
    const session = spawn(argv[0] as string, [...argv.slice(1), command, '/dev/null'], {
      cwd: host.dir,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await host.opens([]);
    expect(await host.status()).toMatchObject({ state: 'trial', drift: [] });
    const pids = (await host.in('host', ['pgrep', '--full', 'firewall apply --for 8'])).stdout.trim().split('\n').map(Number);
    for (const pid of [...pids.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(PROGRAM)), session.pid as number])
      process.kill(pid, 'SIGKILL');
    expect(await host.fromInternet()).toEqual([]);
    await host.opens([8443]);
    const late = await host.firewall('confirm');
    expect(late.status).not.toBe(0);
    expect(late.stderr).toContain('not confirmed by');
    expect((await host.status()).drift.join()).toContain('were not confirmed');
    // The next one works, and Enter at its terminal confirms it.
    const typed = spawn(argv[0] as string, [...argv.slice(1), command, '/dev/null'], {
      cwd: host.dir,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await host.opens([]);
    typed.stdin.write('\r');
    await new Promise((ended) => typed.once('exit', ended));
    // Nothing is left that could end.
    expect(await host.nft('list', 'tables')).not.toContain('medianest-trial_');
    expect(await host.fromInternet()).toEqual([]);
    expect(await host.status()).toMatchObject({ state: 'active', drift: [] });
  });

  it('ends with the rules in force, also where the state folder does not know them any more', async () => {
    await host.keep(OPEN);
    rmSync(path.join(host.dir, '.medianest/firewall'), { recursive: true });
    host.settings(CLOSED);
    await host.done('apply', '--for', '3');
    expect(await host.fromInternet()).toEqual([]);
    // Of the two ports, those rules let one be reached.
    await host.opens([8443]);
  });

  it('has the old rules or the new ones, wherever apply and confirm are killed', async () => {
    await host.keep(OPEN);
    host.settings(CLOSED);
    const killed = async (after: number, ...args: string[]) =>
      host.medianest(['firewall', ...args], { onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), after) });
    const either = async () => expect([[8443], []]).toContainEqual(await host.fromInternet());
    for (const after of [150, 250, 350]) {
      await killed(after, 'apply', '--for', '3');
      await either();
    }
    await host.opens([8443]);
    for (const after of [150, 250]) {
      await host.done('apply', '--for', '3');
      await killed(after, 'confirm');
      await either();
      await sleep(3000);
      await either();
      await host.keep(OPEN);
      host.settings(CLOSED);
    }
  });

  it('refuses rules that cut the SSH session it runs in; with --force that session lives on, and the next one waits for the end', async () => {
    const ssh = await sshServer(host);
    await host.keep(OPEN);
    host.settings(firewallSettings('ports: { "2222": operators, edge.httpsPort: everyone }'));
    const program = `cd ${host.dir} && DOCKER_HOST=unix://${host.dir}/none '${process.execPath}' '${PROGRAM}' firewall apply --for 6`;
    const refused = await ssh(program);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(`this session comes from ${ADDRESSES.lan.own} to port 2222`);
    // As sudo leaves it: without the variable.
    expect((await ssh(`${program.replace('DOCKER_HOST', 'env -u SSH_CONNECTION DOCKER_HOST')}; exit $?`)).status).toBe(2);
    expect((await host.status()).state).toBe('active');
    const forced = await ssh(`${program} --force && sleep 1 && echo still here`);
    expect(forced).toMatchObject({ status: 0, stdout: expect.stringContaining('still here') });
    expect(await host.scan('lan', ADDRESSES.lan.host, 2222, 2222)).toEqual([]);
    await expect.poll(() => host.scan('lan', ADDRESSES.lan.host, 2222, 2222), { timeout: 10_000 }).toEqual([2222]);
    expect(await ssh('echo back')).toMatchObject({ stdout: 'back\n' });
  });
});

/** OpenSSH on the host, and its client in the LAN. */
async function sshServer(host: Driver): Promise<(command: string) => Promise<Run>> {
  const at = (name: string) => path.join(host.dir, name);
  for (const name of ['server', 'client']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  // The privilege separation of OpenSSH wants this folder.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const options = [
    'UsePAM=no',
    'StrictModes=no',
    'PermitRootLogin=yes',
    `AuthorizedKeysFile=${at('client.pub')}`,
    `HostKey=${at('server')}`,
  ];
  host.start('host', ['/usr/sbin/sshd', '-D', '-f', '/dev/null', '-p', '2222', ...options.flatMap((option) => ['-o', option])]);
  await expect.poll(() => host.scan('lan', ADDRESSES.lan.host, 2222, 2222), { timeout: 10_000 }).toEqual([2222]);
  const known = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=5'];
  return (command) =>
    host.in('lan', ['ssh', '-F', '/dev/null', '-i', at('client'), '-p', '2222', ...known, `root@${ADDRESSES.lan.host}`, command]);
}
