import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { docker, HOME, PROGRAM, type Run, run } from '../../cli.ts';
import { until } from '../../stack.ts';
import { PREFIX } from '../../workspace.ts';
import { ADDRESSES, SCAN, SERVERS } from '../firewall-world.ts';

const IMAGE = 'medianest-test/machine:1';
const BASE = 'debian:trixie-slim';

/** A cable to a host of the Internet and one to a host of the LAN. */
const CABLES = (['internet', 'lan'] as const)
  .map(
    (place) => `ip netns add ${place} && ip link add ${place} type veth peer name eth0 netns ${place}
      ip address add ${ADDRESSES[place].host}/24 dev ${place} && ip link set ${place} up
      ip -n ${place} link set lo up && ip -n ${place} address add ${ADDRESSES[place].own}/24 dev eth0
      ip -n ${place} link set eth0 up && ip -n ${place} route add default via ${ADDRESSES[place].host}`,
  )
  .join('\n');

/** A host that is no one else's: it is rebooted, and its engine restarted, without anybody noticing. */
export interface Machine {
  settings(text: string): void;
  medianest(...args: string[]): Promise<Run>;
  /** @returns what it printed. @throws Error where it failed */
  must(...argv: string[]): Promise<string>;
  run(...argv: string[]): Promise<Run>;
  /** Which of these ports of this machine are open, seen from a place. */
  scan(place: 'internet' | 'lan', ports: readonly number[]): Promise<number[]>;
  /** A container of this machine's engine that listens on these ports and publishes them. */
  publish(name: string, ports: readonly number[], labels?: readonly string[]): Promise<void>;
  /** As the power button does it. */
  reboot(): Promise<void>;
  destroy(): Promise<void>;
}

/** @param project of the settings. @throws Error where systemd or the engine in it does not start */
export async function machine(project: string): Promise<Machine> {
  const name = `${PREFIX}-machine`;
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-machine-'));
  const outer = async (args: readonly string[], input?: string): Promise<string> => {
    const { status, stdout, stderr } = await docker(args, input === undefined ? {} : { input });
    if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const inside = (...argv: string[]) => docker(['exec', '--workdir', dir, name, ...argv]);
  const must = async (...argv: string[]) => {
    const { status, stdout, stderr } = await inside(...argv);
    if (status !== 0) throw new Error(`${argv.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const begun = async () => {
    await until('systemd runs', async () => /running|degraded/.test((await inside('systemctl', 'is-system-running')).stdout), 60);
    await must('sh', '-ec', CABLES);
    await until('the engine answers', async () => (await inside('docker', 'version')).status === 0, 60);
  };
  const destroy = async () => {
    await docker(['rm', '--force', '--volumes', name]);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await docker(['rm', '--force', '--volumes', name]);
    await outer(['build', '--quiet', '--tag', IMAGE, path.join(HOME, 'test/support/network/machine')]);
    await outer([
      ...['run', '--detach', '--name', name, '--privileged', '--cgroupns', 'private', '--network', 'none', '--tmpfs', '/run'],
      ...['--volume', '/var/lib/docker', '--volume', `${dir}:${dir}`, '--volume', `${HOME}:${HOME}:ro`],
      ...['--volume', `${process.execPath}:${process.execPath}:ro`, IMAGE],
    ]);
    await until('systemd answers', async () => (await inside('systemctl', 'list-jobs')).status === 0, 60);
    await must('systemctl', 'enable', '--now', 'docker.service');
    await begun();
    const copied = await run('sh', ['-c', 'docker save "$1" | docker exec --interactive "$0" docker load --quiet', name, BASE]);
    if (copied.status !== 0) throw new Error(copied.stderr);
    await must('docker', 'network', 'create', '--subnet', ADDRESSES.subnet, 'stack');
  } catch (error) {
    await destroy();
    throw error;
  }
  return {
    settings: (text) => writeFileSync(path.join(dir, 'medianest.yml'), `version: 1\nproject: ${project}\n${text}`),
    medianest: (...args) => inside(process.execPath, PROGRAM, ...args),
    must,
    run: inside,
    scan: async (place, ports) => {
      const asked = ports.map((port) =>
        must('ip', 'netns', 'exec', place, process.execPath, '-e', SCAN, ADDRESSES[place].host, String(port), String(port)),
      );
      return (await Promise.all(asked)).flatMap((open) => JSON.parse(open) as number[]);
    },
    publish: async (service, ports, labels = []) => {
      await must(
        ...['docker', 'run', '--detach', '--restart', 'always', '--name', service, '--network', 'stack'],
        ...['--volume', `${process.execPath}:${process.execPath}:ro`, ...labels.flatMap((label) => ['--label', label])],
        ...ports.flatMap((port) => ['--publish', `${port}:${port}`]),
        ...[BASE, process.execPath, '-e', SERVERS.replace(/setInterval[^\n]*\n/, '\n'), ...ports.map((port) => `0.0.0.0:${port}`)],
      );
    },
    reboot: async () => {
      await outer(['restart', name]);
      await begun();
    },
    destroy,
  };
}
