import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { docker, type Run, run } from '../cli.ts';
import { PREFIX } from '../workspace.ts';

/** A device of somebody's, as far as the VPN goes: a container without a network, but for one cable to this host that plays the Internet. */
export interface VpnPeer {
  /** What it finds this host at. */
  host: string;
  exec(...argv: string[]): Promise<Run>;
  /** Connects by a configuration as `vpn add` writes it. */
  connect(configuration: string): Promise<void>;
  /** The same by a configuration of OpenVPN. */
  connectOpenvpn(configuration: string): Promise<void>;
  /** Whether a connection can be made, within two seconds. */
  reaches(address: string, port: number): Promise<boolean>;
  destroy(): Promise<void>;
}

/** @param image the VPN's own, which has all that a peer needs */
export async function vpnPeer(image: string): Promise<VpnPeer> {
  const id = randomBytes(3).toString('hex');
  const name = `${PREFIX}-vpn-peer-${id}`;
  const net = `198.19.${randomBytes(1)[0]}`;
  const must = async (ended: Promise<Run>): Promise<Run> => {
    const done = await ended;
    if (done.status !== 0) throw new Error(done.stderr || done.stdout);
    return done;
  };
  const exec = (...argv: string[]) => docker(['exec', name, ...argv]);
  const destroy = async () => {
    await docker(['rm', '--force', name]);
    await run('ip', ['link', 'delete', `vh${id}`]);
  };
  try {
    const rights = ['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', '--device', '/dev/net/tun'];
    await must(
      docker(['run', '--detach', '--init', '--name', name, '--network', 'none', ...rights, '--no-healthcheck', image, 'sleep', '900']),
    );
    const pid = (await docker(['inspect', '--format', '{{.State.Pid}}', name])).stdout.trim();
    await must(run('ip', ['link', 'add', `vh${id}`, 'type', 'veth', 'peer', 'name', 'cable', 'netns', pid]));
    await must(run('ip', ['address', 'add', `${net}.1/24`, 'dev', `vh${id}`]));
    await must(run('ip', ['link', 'set', `vh${id}`, 'up']));
    await must(exec('ip', 'address', 'add', `${net}.2/24`, 'dev', 'cable'));
    await must(exec('ip', 'link', 'set', 'cable', 'up'));
  } catch (error) {
    await destroy();
    throw error;
  }
  return {
    host: `${net}.1`,
    exec,
    connect: async (configuration) => {
      const value = (key: string) => new RegExp(`^${key} = (.*)$`, 'm').exec(configuration)?.[1] as string;
      const script = [
        'set -e',
        'ip link delete wg0 2>/dev/null || true',
        'LOG_LEVEL=error WG_PROCESS_FOREGROUND=1 wireguard-go -f wg0 >/tmp/wireguard.log 2>&1 &',
        'for _ in {1..50}; do if wg show wg0 >/dev/null 2>&1; then break; fi; sleep 0.1; done',
        'wg setconf wg0 <(grep -vE "^(Address|DNS)" <<<"$1")',
        `ip address add ${value('Address')} dev wg0`,
        'ip link set wg0 mtu 1420 up',
        `ip route add ${value('AllowedIPs')} dev wg0`,
        `echo nameserver ${value('DNS')} >/etc/resolv.conf`,
      ].join('\n');
      await must(exec('bash', '-c', script, 'connect', configuration));
    },
    connectOpenvpn: async (configuration) => {
      const script = [
        'set -e',
        'pid=$(cat /tmp/openvpn.pid 2>/dev/null || true)',
        // The one before has to give the tunnel up.
        'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; while [ -d "/proc/$pid" ]; do sleep 0.1; done; fi',
        'printf %s "$1" >/tmp/peer.ovpn',
        'openvpn --config /tmp/peer.ovpn --daemon --writepid /tmp/openvpn.pid --log /tmp/openvpn.log --connect-retry 1 2',
      ].join('\n');
      await must(exec('bash', '-c', script, 'connect', configuration));
    },
    reaches: async (address, port) => (await exec('timeout', '2', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`)).status === 0,
    destroy,
  };
}

/** A rendered file of another service that a person has edited, and what it is now. */
export function editedEdge({ state }: { state: string }): { file: string; edited: string } {
  const file = path.join(state, 'config', 'edge', 'current', 'nginx.conf');
  appendFileSync(file, '# mine\n');
  return { file, edited: readFileSync(file, 'utf8') };
}
