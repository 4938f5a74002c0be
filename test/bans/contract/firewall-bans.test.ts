import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Driver, drive } from '../../firewall/contract/driver.ts';
import { docker, PROGRAM } from '../../support/cli.ts';
import { ADDRESSES } from '../../support/network/firewall-world.ts';
import { until } from '../../support/stack.ts';
import { answers, startCrowdsec } from './engine.ts';

const PROJECT = 'fw-bans';
const CONTAINER = `${PROJECT}-crowdsec-${process.pid}`;
/** What listens on the host itself plays its SSH server. */
const HOST_OWN = 9999;
const WAIT = { timeout: 30_000, interval: 500 };

const settings = (more: string) => `profile: dev-compose
components: { crowdsec: true }
edge: { address: every, trustedProxies: [198.51.100.1] }
networks: { dmz: { subnet: ${ADDRESSES.subnet} } }
bans: { hostLogs: [/auth.log], sshPorts: [${HOST_OWN}] }
firewall: { enabled: true, allow: everyone, lan: [192.168.77.0/24]${more} }
`;

describe('bans in the firewall', { timeout: 90_000 }, () => {
  let host: Driver;
  let log: string;
  const cscli = async (...args: string[]) => {
    const ended = await docker(['exec', CONTAINER, 'cscli', 'decisions', ...args]);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
  };
  const table = () => host.nft('list', 'table', 'inet', `medianest-bans_${PROJECT}`);
  const enforce = () =>
    host.start('host', ['env', '-u', 'SSH_CONNECTION', '-u', 'DOCKER_HOST', process.execPath, PROGRAM, 'bans', 'enforce']);
  const from6 = () => host.scan('internet', ADDRESSES.internet6.host, 8443, 8443);
  const fromLan = () => host.scan('lan', ADDRESSES.lan.host, 8000, 8500);

  beforeAll(async () => {
    host = await drive(PROJECT);
    log = path.join(host.dir, 'auth.log');
    writeFileSync(log, '');
    const text = settings('').replace('/auth.log', log);
    host.settings(text);
    await startCrowdsec(CONTAINER, [PROJECT, text], host.dir);
    await answers(CONTAINER);
    await host.keep(text);
    enforce();
    await until('bans stand in the firewall', async () => (await host.nft('list', 'tables')).includes(`medianest-bans_${PROJECT}`));
  });
  afterAll(async () => {
    await docker(['rm', '--force', '--volumes', CONTAINER]);
    await host?.destroy();
  });

  it('keep a banned client from every published port, over IPv4 and IPv6, and are no drift', async () => {
    expect((await host.firewall('plan')).stdout).toContain('Banned by CrowdSec: reaches none of them, nor the host’s own 9999');
    expect(await host.fromInternet(8000, 10_000)).toEqual([8080, 8443, HOST_OWN]);
    expect(await from6()).toEqual([8443]);
    await cscli('add', '--ip', ADDRESSES.internet.own, '--duration', '2h');
    await cscli('add', '--range', '2001:db8:1::/64', '--duration', '2h');
    await expect.poll(() => host.fromInternet(8000, 10_000), WAIT).toEqual([]);
    expect(await from6()).toEqual([]);
    expect(await fromLan()).toEqual([8080, 8443]);
    expect(await host.status()).toMatchObject({ state: 'active', drift: [] });
    // No element outlives the program that renews it by more than an hour.
    expect((await table()).match(/timeout (1h|59m\S*)/g)).toHaveLength(2);
  });

  it('stand while other rules are tried and kept, and come back if another program removes them', async () => {
    host.settings(settings(', ports: { "5432": everyone }').replace('/auth.log', log));
    await host.done('apply', '--for', '40');
    expect(await host.fromInternet(8000, 10_000)).toEqual([]);
    // A port that these rules open is one of the bans' too, within a round.
    await expect.poll(() => host.fromInternet(5000, 10_000), WAIT).toEqual([]);
    await host.done('confirm');
    expect(await host.fromInternet(5000, 10_000)).toEqual([]);
    expect(await host.scan('lan', ADDRESSES.lan.host, 5432, 5432)).toEqual([5432]);
    await host.nft('delete', 'table', 'inet', `medianest-bans_${PROJECT}`);
    await expect.poll(() => host.fromInternet(8443, 8443), WAIT).toEqual([]);
    await cscli('delete', '--value', ADDRESSES.internet.own);
    await expect.poll(() => host.fromInternet(), WAIT).toEqual([8080, 8443]);
    expect(await from6()).toEqual([]);
  });

  it('never touch the LAN, operators or the proxy in front, whatever CrowdSec decides', async () => {
    for (const address of [ADDRESSES.lan.own, '198.51.100.1']) await cscli('add', '--ip', address, '--reason', 'forced: a mistake');
    await cscli('add', '--range', '192.168.0.0/16', '--duration', '1h');
    await cscli('add', '--ip', '198.18.7.7', '--duration', '1h');
    await expect.poll(table, WAIT).toContain('198.18.7.7');
    const text = await table();
    expect(text).toContain('192.168.0.0-192.168.76.255');
    expect(text).not.toMatch(/198\.51\.100\.1\b|192\.168\.77\.7\b/);
    expect(await fromLan()).toEqual([8080, 8443]);
  });

  it('come of guesses at the host’s SSH server, through the rotation of its log, and keep the guesser from that too', async () => {
    const guess = (nth: number) =>
      `Nov 30 10:00:0${nth} host sshd[8${nth}]: Failed password for invalid user x from 198.18.0.1 port 1 ssh2 from ${ADDRESSES.internet.own} port 4${nth} ssh2\n`;
    for (let nth = 0; nth < 3; nth++) appendFileSync(log, guess(nth));
    renameSync(log, `${log}.1`);
    writeFileSync(log, '');
    for (let nth = 3; nth < 8; nth++) appendFileSync(log, guess(nth));
    await expect.poll(() => host.fromInternet(8000, 10_000), WAIT).toEqual([]);
    // What was typed for a name is no address.
    expect(await table()).not.toContain('198.18.0.1,');
  });

  it('outlive a CrowdSec that is away, and end when bans are switched off', async () => {
    await docker(['stop', '--time', '1', CONTAINER]);
    await expect
      .poll(() => host.in('host', ['cat', '.medianest/firewall/bans.json']), WAIT)
      .toMatchObject({
        stdout: expect.stringContaining('CrowdSec does not run'),
      });
    expect(await host.fromInternet()).toEqual([]);
    host.settings(
      settings('')
        .replace('crowdsec: true', 'crowdsec: false')
        .replace(/bans:.*\n/, ''),
    );
    await expect.poll(() => host.nft('list', 'tables'), { timeout: 75_000, interval: 1000 }).not.toContain('medianest-bans_');
    expect(await host.fromInternet()).toEqual([8080, 8443]);
  });
});
