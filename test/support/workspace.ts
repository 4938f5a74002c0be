import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { docker, medianest, type Run, type RunOptions } from './cli.ts';

/** Two checkouts that test on one engine at once need two prefixes. */
export const PREFIX = process.env.TEST_PREFIX ?? 'mt';

/** A folder with settings of its own, and a project name, ports and address ranges that no other test uses. */
export interface Workspace {
  dir: string;
  project: string;
  httpPort: number;
  httpsPort: number;
  devPort: number;
  state: string;
  write(name: string, text: string): string;
  /** Writes medianest.yml anew: its project and ports, and more settings over them, key by key. */
  configure(more?: Record<string, Record<string, unknown> | string>): void;
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** Makes another project of this host, so that an `uninstall` leaves the images: the last project takes them along. */
  besideAnother(): Promise<void>;
  /** Removes containers, networks, volumes and the folder, however the test ended. */
  destroy(): Promise<void>;
}

/** A port that nobody uses, below those that the kernel gives to outgoing connections: one of these may have it while a stack is down. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await new Promise<boolean>((resolve) => {
      const server = net.createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** A /24 that no network and no route of this host touches, so that stacks of several tests, also of killed ones, never meet. */
export async function freeRange(): Promise<string> {
  const ids = (await docker(['network', 'ls', '--quiet'])).stdout.split('\n').filter(Boolean);
  const networks = (await docker(['network', 'inspect', '--format', '{{range .IPAM.Config}}{{.Subnet}} {{end}}', ...ids])).stdout;
  // From anywhere on: another checkout may be choosing at the same time.
  const first = Math.floor(Math.random() * 200);
  const free = Array.from({ length: 200 }, (_, i) => `10.${((first + i) % 200) + 50}.`).find((prefix) => !networks.includes(prefix));
  if (!free) throw new Error('every test range is in use: remove the networks of killed tests (docker network prune)');
  return `${free}0.0/24`;
}

/**
 * @param name short and unique among the tests
 * @param settings more of medianest.yml: whole top-level keys, besides `project`, `allInOne` and `edge` ports
 */
export async function workspace(name: string, settings = ''): Promise<Workspace> {
  const dir = mkdtempSync(path.join(os.tmpdir(), `medianest-${name}-`));
  const project = `${PREFIX}-${name}`;
  const other = `${project}-other`;
  const [httpPort, httpsPort, devPort] = [await freePort(), await freePort(), await freePort()];
  const write = (file: string, text: string): string => {
    writeFileSync(path.join(dir, file), text);
    return path.join(dir, file);
  };
  await removeProject(project);
  const networks = { db: { subnet: await freeRange() } };
  const base: Record<string, Record<string, unknown> | string> = {
    project,
    allInOne: { port: devPort },
    edge: { httpPort, httpsPort },
    networks,
    // Disks of tests may be small.
    diskReserve: '16m',
    // Seven containers more, which two cores would have to carry in every test. What is about them asks for them.
    ...(!settings.includes('observability:') && { observability: 'off' }),
    // A volume and a shipper more, in the same way.
    ...(!settings.includes('logs:') && { logs: { store: 'off' } }),
    // Most tests ask for the portal without a session; what is about sign-on asks for it.
    ...(!settings.includes('components:') && { components: { 'sign-on': false } }),
  };
  write('medianest.yml', `version: 1\n${stringify(base)}${settings}`);
  return {
    dir,
    project,
    httpPort,
    httpsPort,
    devPort,
    write,
    configure: (more = {}) => {
      const merged = Object.entries(more).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : { ...(base[key] as object), ...value },
      ]);
      write('medianest.yml', `version: 1\n${stringify({ ...base, ...Object.fromEntries(merged) })}`);
    },
    state: path.join(dir, '.medianest'),
    run: (args, options = {}) => medianest(args, { cwd: dir, ...options }),
    besideAnother: async () => {
      const { status, stderr } = await docker(['volume', 'create', '--label', `io.medianest.project=${other}`, other]);
      if (status !== 0) throw new Error(stderr);
    },
    destroy: async () => {
      await removeProject(project);
      await removeProject(other);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Everything of one test project, by its label; also what an earlier, killed run has left. */
export async function removeProject(project: string): Promise<void> {
  const label = `label=com.docker.compose.project=${project}`;
  const list = async (args: string[]) => (await docker(args)).stdout.split('\n').filter(Boolean);
  const containers = await list(['ps', '--all', '--quiet', '--filter', label]);
  if (containers.length > 0) await docker(['rm', '--force', '--volumes', ...containers]);
  const networks = await list(['network', 'ls', '--quiet', '--filter', label]);
  if (networks.length > 0) await docker(['network', 'rm', ...networks]);
  const ours = `label=io.medianest.project=${project}`;
  const volumes = [
    ...(await list(['volume', 'ls', '--quiet', '--filter', label])),
    ...(await list(['volume', 'ls', '--quiet', '--filter', ours])),
  ];
  if (volumes.length > 0) await docker(['volume', 'rm', '--force', ...volumes]);
}
