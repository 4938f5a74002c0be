import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machine } from '../../support/network/machine/machine.ts';
import { firewallSettings, type Status } from '../contract/driver.ts';

const PROJECT = 'fw-machine';
const TABLE = `medianest_${PROJECT}`;
const UNIT = `medianest-${PROJECT}-firewall.service`;

/** Beside the real ones: a Docker Engine, systemd, ufw, firewalld and nftables.service of a host that is rebooted. */
describe('the firewall beside others', { timeout: 240_000 }, () => {
  let host: Machine;
  const json = async <T>(...args: string[]) => JSON.parse((await host.medianest(...args, '--json')).stdout) as T;
  const status = () => json<Status & { boot: string | null }>('firewall', 'status');
  const done = async (...args: string[]) => {
    const ended = await host.medianest('firewall', ...args);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
  };
  const keep = async () => {
    await done('apply');
    await done('confirm');
  };
  const seen = () => Promise.all((['internet', 'lan'] as const).map((place) => host.scan(place, [8080, 8443])));
  /** What is published is reached as the plan says: one port by everyone, the other by the LAN. */
  const asPlanned = async () => {
    await expect.poll(seen, { timeout: 60_000 }).toEqual([[8443], [8080, 8443]]);
    expect(await status()).toMatchObject({ state: 'active', drift: [], boot: 'installed' });
  };
  /** A port in the network of the stack that no rule names is reached by no one, where Docker translates it. */
  const noOther = async () => expect([await host.scan('internet', [5432]), await host.scan('lan', [5432])]).toEqual([[], []]);
  const check = async () =>
    (await json<{ checks: { id: string; status: string; message: string; remedy?: string }[] }>('health')).checks.find(
      ({ id }) => id === 'firewall',
    );

  beforeAll(async () => {
    host = await machine(PROJECT);
    host.settings(firewallSettings('ports: { edge.httpsPort: everyone }'));
    await host.publish(
      'edge',
      [8080, 8443],
      [`io.medianest.project=${PROJECT}`, `com.docker.compose.project=${PROJECT}`, 'com.docker.compose.service=edge'],
    );
    await host.publish('neighbour', [5432]);
  });
  afterAll(() => host?.destroy());

  it('has what the engine publishes reached as planned', async () => {
    await expect.poll(seen, { timeout: 60_000 }).toEqual([
      [8080, 8443],
      [8080, 8443],
    ]);
    expect(await host.scan('internet', [5432])).toEqual([5432]);
    await keep();
    await asPlanned();
    await noOther();
  });

  it('stays through a restart of the engine, by itself and by its death', async () => {
    await host.must('systemctl', 'restart', 'docker.service');
    await asPlanned();
    await host.must('systemctl', 'kill', '--signal', 'SIGKILL', 'docker.service');
    await asPlanned();
  });

  it('is loaded by the next start of the host, before the engine publishes anything', async () => {
    await host.reboot();
    await asPlanned();
    await noOther();
    const at = async (unit: string) =>
      Number(await host.must('systemctl', 'show', '--property=ActiveEnterTimestampMonotonic', '--value', unit));
    expect(await at(UNIT)).toBeGreaterThan(0);
    expect(await at(UNIT)).toBeLessThan(await at('docker.service'));
    expect(await host.must('systemd-analyze', 'verify', '--man=no', UNIT)).toBe('');
  });

  it('and ufw leave each other alone, whichever comes first', async () => {
    await host.must('systemctl', 'enable', 'ufw.service');
    await host.must('ufw', '--force', 'enable');
    await asPlanned();
    await noOther();
    await host.must('ufw', 'reload');
    await asPlanned();
    await done('remove');
    await keep();
    await asPlanned();
    await host.reboot();
    await asPlanned();
    expect(await host.must('ufw', 'status')).toContain('Status: active');
    await host.must('ufw', '--force', 'disable');
    await asPlanned();
  });

  it('and firewalld leave each other alone, whichever comes first', async () => {
    await host.must('systemctl', 'start', 'firewalld.service');
    await asPlanned();
    await noOther();
    await host.must('firewall-cmd', '--reload');
    await asPlanned();
    await host.must('firewall-cmd', '--complete-reload');
    await asPlanned();
    await done('remove');
    await keep();
    await asPlanned();
    await host.must('systemctl', 'enable', 'firewalld.service');
    await host.reboot();
    await asPlanned();
    expect(await host.must('firewall-cmd', '--state')).toBe('running');
    await host.must('systemctl', 'disable', '--now', 'firewalld.service');
    await asPlanned();
  });

  it('is back at once when another program flushes the rules of all, and Docker’s with them', async () => {
    const flushes: string[][] = [
      ['nft', 'flush', 'ruleset'],
      ['nft', '-f', '/etc/nftables.conf'],
      ...['start', 'reload', 'restart', 'stop'].map((verb) => ['systemctl', verb, 'nftables.service']),
    ];
    for (const flush of flushes) {
      await host.must(...flush);
      // Without Docker's translation, its proxy takes what comes to a published port.
      await asPlanned();
    }
    await host.must('systemctl', 'restart', 'docker.service');
    await asPlanned();
    await noOther();
  });

  it('tells that nothing watches the rules, and that they are gone then', async () => {
    await host.must('systemctl', 'stop', UNIT);
    expect((await status()).drift).toEqual([expect.stringContaining('does not run')]);
    await host.must('nft', 'flush', 'ruleset');
    expect(await host.scan('internet', [8080, 8443])).toEqual([8080, 8443]);
    expect(await check()).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('another program has removed the rules'),
      remedy: 'sudo medianest firewall apply',
    });
    await done('apply');
    await asPlanned();
    await host.must('systemctl', 'disable', UNIT);
    expect(await check()).toMatchObject({ status: 'warn', message: expect.stringContaining('at the next start of this host') });
    await done('apply');
    await asPlanned();
    expect(await check()).toMatchObject({ status: 'ok' });
  });

  it('is loaded again where the watcher is killed, and stays away once it is removed', async () => {
    await host.must('systemctl', 'kill', '--signal', 'SIGKILL', UNIT);
    await host.must('nft', 'flush', 'ruleset');
    await asPlanned();
    await done('remove');
    expect(await host.run('systemctl', 'cat', UNIT)).not.toMatchObject({ status: 0 });
    expect(await host.must('nft', 'list', 'tables')).not.toContain(TABLE);
    expect(await host.scan('internet', [8080, 8443])).toEqual([8080, 8443]);
    await keep();
    await asPlanned();
  });
});
