import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileServers, nameServers, reachedRanges, settingsHosts, sshPeers } from '../../../src/reconcile/plan/reached.ts';
import { defaultGateways, hostRoutes } from '../../../src/reconcile/ranges/routes.ts';
import { registry } from '../../../src/services/index.ts';
import { addressNeeds } from '../../../src/stack/build.ts';
import { load } from '../../support/settings.ts';

describe('what this host has to reach', () => {
  it('is who is logged in by SSH', () => {
    const env = { SSH_CLIENT: '10.0.0.7 50022 22', SSH_CONNECTION: '::ffff:10.0.0.7 50022 10.9.0.1 22' };
    expect(sshPeers(env)).toEqual([
      { host: '10.0.0.7', by: 'the SSH client, $SSH_CONNECTION' },
      { host: '10.0.0.7', by: 'the SSH client, $SSH_CLIENT' },
    ]);
    expect(sshPeers({})).toEqual([]);
  });
  it('is its DNS servers', () => {
    expect(nameServers('# nameserver 10.1.1.1\nsearch lan\nnameserver 192.168.0.53\nnameserver fd00::1\n').map(({ host }) => host)).toEqual(
      ['192.168.0.53', 'fd00::1'],
    );
  });
  it('is the servers of what it has mounted', () => {
    const mount = (type: string, source: string) => ({ type, source, point: '/mnt' });
    const mounts = [mount('nfs4', '10.2.0.5:/films'), mount('cifs', '//nas/share'), mount('ext4', '/dev/sda1'), mount('nfs', 'broken')];
    expect(fileServers(mounts)).toEqual([
      { host: '10.2.0.5', by: 'the server of /mnt' },
      { host: 'nas', by: 'the server of /mnt' },
    ]);
  });
  it('is where the default route leads; other routes are ranges', () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-routes-'));
    const file = path.join(dir, 'route');
    const line = (device: string, ...hex: string[]) => [device, hex[0], hex[1], '0003', '0', '0', '0', hex[2], '0', '0', '0'].join('\t');
    writeFileSync(
      file,
      ['Iface\tDestination', line('eth0', '00000000', '0101A8C0', '00000000'), line('eth0', '0001A8C0', '00000000', '00FFFFFF'), ''].join(
        '\n',
      ),
    );
    expect(defaultGateways(file)).toEqual([{ host: '192.168.1.1', by: 'the default gateway of this host' }]);
    expect(hostRoutes(file)).toEqual([{ subnet: '192.168.1.0/24', by: 'a route of this host, on eth0', device: 'eth0' }]);
    rmSync(dir, { recursive: true });
  });
  it('is every host that the settings name', () => {
    const { settings } = load({
      file: `profile: dev-compose
networks: { db: { subnet: 10.77.0.0/24 } }
external: { plex: { url: "http://192.168.7.20:32400" }, uptimeKuma: { url: "https://status.lan/x" } }
app: { media: { kind: nfs, server: 172.16.144.9, export: /films }, env: { SMTP: "10.0.144.25:25" } }
edge: { operators: [192.168.5.0/24, 10.0.0.0/8] }
`,
    });
    const found = settingsHosts(settings);
    for (const entry of [
      { host: '192.168.7.20', by: 'external.plex.url' },
      { host: 'status.lan', by: 'external.uptimeKuma.url' },
      { host: '172.16.144.9', by: 'app.media.server' },
      { host: '10.0.144.25', by: 'app.env.SMTP' },
      { host: '192.168.5.0/24', by: 'edge.operators' },
    ])
      expect(found).toContainEqual(entry);
    expect(found.map(({ host }) => host)).not.toContain('10.0.0.0/8');
    expect(found.map(({ host }) => host)).not.toContain('10.77.0.0/24');
  });
  it('counts where it is private, each once, and a name only once it is resolved', () => {
    const all = [
      { host: '192.168.0.53', by: 'a' },
      { host: '192.168.0.53', by: 'b' },
      { host: '8.8.8.8', by: 'c' },
      { host: '127.0.0.53', by: 'd' },
      { host: 'fd00::1', by: 'e' },
      { host: 'nas.lan', by: 'f' },
      { host: '10.3.0.0/24', by: 'g' },
    ];
    expect(reachedRanges(all).map(({ subnet }) => subnet)).toEqual(['192.168.0.53', '10.3.0.0/24']);
    const resolved = new Map([['nas.lan', ['10.4.0.9']]]);
    expect(reachedRanges(all, resolved)).toContainEqual({ subnet: '10.4.0.9', by: 'f, nas.lan', reached: true });
  });
});

describe('the fixed addresses that a stack needs', () => {
  const needs = (file: string) =>
    addressNeeds(load({ file }).settings, registry, {
      version: '0',
      overrides: {},
      sourceHash: () => 'x',
      engineSocket: { path: '/var/run/docker.sock', gid: 999 },
    });
  it('fit into a /24 by default, with every replica that the balancer keeps a slot for', () => {
    expect(needs('profile: prod')).toMatchObject({ app: 109, db: 109 });
    for (const profile of ['dev', 'dev-compose', 'staging', 'prod'])
      for (const highest of Object.values(needs(`profile: ${profile}`))) expect(highest).toBeLessThan(128);
  });
  it('grow with the replicas', () => {
    expect(needs('profile: prod\napp: { maxReplicas: 100 }')).toMatchObject({ app: 199, db: 199 });
  });
});
