import { docker, type Run, run } from '../cli.ts';
import { container, inspect } from '../load/load-stack.ts';
import type { Workspace } from '../workspace.ts';

/** What is done to a container; nothing of it may hang the test. */
export async function inside(space: Workspace, service: string, script: string, more: string[] = []): Promise<Run> {
  return docker(['exec', ...more, container(space, service), 'timeout', '15', 'bash', '-euc', script]);
}

async function done(command: Promise<Run>): Promise<string> {
  const { status, stdout, stderr } = await command;
  if (status !== 0) throw new Error(stderr || stdout);
  return stdout;
}

const named = (space: Workspace, services: readonly string[]) => services.map((service) => container(space, service));

/** As a crash of the engine's side: Docker does not restart what was killed by its order. */
export const killContainer = (space: Workspace, ...services: string[]) => done(docker(['kill', ...named(space, services)]));
/** A busy host may need several attempts to freeze all processes of a container. */
export async function pause(space: Workspace, ...services: string[]): Promise<void> {
  for (const name of named(space, services)) {
    for (let tries = 1; (await docker(['pause', name])).status !== 0; tries++) {
      const state = (await docker(['inspect', '--format', '{{.State.Paused}}', name])).stdout.trim();
      if (state === 'true') break;
      if (tries === 10) throw new Error(`${name} cannot be paused`);
    }
  }
}
export const unpause = (space: Workspace, ...services: string[]) => done(docker(['unpause', ...named(space, services)]));

export const begin = (space: Workspace, ...services: string[]) => done(docker(['start', ...named(space, services)]));

/** The server's first process inside the container, as the kernel's memory killer would. */
export const killPostmaster = (space: Workspace, service: string) =>
  done(inside(space, service, 'kill -KILL "$(head -n 1 "$PGDATA/postmaster.pid")"'));

/** Cuts a container off from addresses, both ways, in its own network namespace. @returns what joins it again */
export async function cutOff(space: Workspace, service: string, addresses: readonly string[]): Promise<() => Promise<void>> {
  const pid = await inspect(space, service, '{{.State.Pid}}');
  const iptables = (action: string, chain: string, side: string, address: string) =>
    done(run('nsenter', ['--target', pid, '--net', 'iptables', '-w', '5', action, chain, side, address, '-j', 'DROP']));
  const all = async (action: string) => {
    for (const address of addresses) {
      await iptables(action, 'INPUT', '-s', address);
      await iptables(action, 'OUTPUT', '-d', address);
    }
  };
  await all('-A');
  return async () => {
    // What was started again meanwhile has a namespace without these rules.
    if ((await inspect(space, service, '{{.State.Pid}}')) === pid) await all('-D');
  };
}

/**
 * Kills services, and starts them again without what they had in their volumes. The agent is held meanwhile: it starts what was
 * killed after 3 s, and a member whose files are removed while it runs is another fault.
 */
export async function withoutData(space: Workspace, services: readonly string[]): Promise<void> {
  await pause(space, 'agent');
  try {
    await killContainer(space, ...services);
    for (const service of services) await emptyVolume(space, service);
    await begin(space, ...services);
  } finally {
    await unpause(space, 'agent');
  }
}

/** Empties the volume of a container that does not run. */
async function emptyVolume(space: Workspace, service: string): Promise<void> {
  const mounts = await inspect(space, service, '{{range .Mounts}}{{.Name}} {{end}}');
  const volume = mounts.split(' ').find((name) => name.endsWith(`_${service}-data`)) as string;
  const image = await inspect(space, service, '{{.Config.Image}}');
  const find = ['/volume', '-mindepth', '1', '-delete'];
  const own = ['--network', 'none', '--user', '0', '--entrypoint', 'find', '--volume', `${volume}:/volume`];
  await done(docker(['run', '--rm', ...own, image, ...find]));
}
