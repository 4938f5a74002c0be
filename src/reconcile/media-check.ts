import { spawnSync } from 'node:child_process';
import { type Stats, statSync } from 'node:fs';
import net from 'node:net';
import { systemCode, UserError } from '../core/errors.ts';
import { startedProgram } from '../core/programs.ts';
import type { DockerCli } from '../docker/compose.ts';
import { mountArgs } from '../docker/mount-args.ts';
import { nfsDriverOptions } from '../stack/nfs.ts';
import type { Mount, NfsExport, Service } from '../stack/types.ts';

const PATIENCE_MS = 3000;

/**
 * Before a container is started that mounts them: NFS servers answer, and folders of this host are there and can be read.
 * Docker itself would find out only after it has stopped the old container, and then wait for minutes on a server that is away.
 * @param services those whose containers will be created or started
 */
export async function checkMedia(services: readonly Pick<Service, 'uid' | 'gid' | 'mounts'>[], patienceMs = PATIENCE_MS): Promise<void> {
  const asked = new Set<string>();
  for (const { uid, gid = uid, mounts } of services) {
    for (const mount of mounts) {
      const key = JSON.stringify([uid, gid, mount]);
      if (asked.has(key)) continue;
      asked.add(key);
      if (mount.nfs) await checkServer(mount.nfs, patienceMs);
      // What is relative is in the state folder, and ours to make.
      else if (mount.kind === 'bind' && !mount.socket && !mount.source.startsWith('./')) checkFolder(mount, { uid, gid });
    }
  }
}

async function checkServer({ server, port, export: exported }: NfsExport, patienceMs: number): Promise<void> {
  const failure = await connectionFailure(server, port, patienceMs);
  if (!failure) return;
  throw new UserError(
    'MEDIA_UNREACHABLE',
    `the NFS server ${server} (media, ${exported}) ${failure}; nothing was changed`,
    failure.includes('name')
      ? 'correct `app.media.server`, or use the server’s address'
      : `start the server or its NFS service, or let this host through its firewall to port ${port}; ` +
          'to start without the library, set `app.media: { kind: volume }` for now',
  );
}

/** Why no connection comes about, in words; undefined when one does. */
function connectionFailure(host: string, port: number, patienceMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    // Also covers the time that a resolver takes: the socket's own time-out does not.
    const timer = setTimeout(() => end(`does not answer on port ${port} within ${patienceMs / 1000} s`), patienceMs);
    const end = (failure: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    socket.once('connect', () => end(undefined));
    socket.once('error', (error) => end(inWords(error, port)));
  });
}

function inWords(error: Error, port: number): string {
  const code = systemCode(error) ?? (error instanceof AggregateError ? systemCode(error.errors[0]) : undefined);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'is a name that this host does not know';
  if (code === 'ECONNREFUSED') return `refuses connections on port ${port}: no NFS server runs there`;
  return `cannot be reached on port ${port} (${code ?? error.message})`;
}

/**
 * Mounts it once before any container is stopped: what is exported to whom, and which options it takes, only the server and
 * the engine's kernel know.
 */
export async function proveMount(nfs: NfsExport, image: string, docker: DockerCli, signal?: AbortSignal): Promise<void> {
  const reason = await mountOnce(nfsDriverOptions(nfs), image, docker, signal);
  if (reason === undefined) return;
  throw new UserError(
    'MEDIA_UNREACHABLE',
    `the NFS server ${nfs.server} answers, but ${nfs.export} cannot be mounted from it with ${nfs.options}: ${reason}; nothing was changed`,
    reason === 'no such device'
      ? 'this host’s kernel has no NFS: load its module (modprobe nfs)'
      : 'see that the server exports it to this host (showmount -e), and that `app.media.options` suit it',
  );
}

/** Mounts in a container that does nothing else and leaves nothing behind. Returns why it failed, or undefined. */
export async function mountOnce(
  driverOptions: Record<string, string>,
  image: string,
  docker: DockerCli,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const options = Object.entries(driverOptions).map(([name, value]) => `volume-opt=${name}=${value}`);
  const mount = mountArgs(['type=volume', 'volume-driver=local', 'volume-nocopy', ...options, `dst=${PROOF_TARGET}`]);
  // The init program is the engine's own, so that any image will do, also one without a shell.
  const nothing = ['--init', '--entrypoint', '/sbin/docker-init', ...mount, image, '--version'];
  const { exitCode, tail } = await docker.run(
    ['run', '--rm', '--pull', 'never', '--network', 'none', '--cap-drop', 'ALL', ...nothing],
    signal ? { signal } : {},
  );
  if (exitCode === 0) return undefined;
  return (tail.find((line) => line.includes('mount')) ?? tail[0] ?? `docker run ended with ${exitCode}`).split(': ').at(-1)?.trim();
}

const PROOF_TARGET = '/medianest-proof';

interface User {
  uid: number;
  gid: number;
}

function checkFolder({ source }: Mount, user: User): void {
  const stats = folderStats(source);
  if (!stats.isDirectory()) throw refusal(source, 'is not a folder', 'name the folder that contains the files');
  if (readable(source, stats, user)) return;
  throw refusal(
    source,
    `cannot be read by uid ${user.uid}, as which the container runs`,
    `let it in: setfacl -R -m u:${user.uid}:rX ${source}, or chmod -R o+rX ${source}`,
  );
}

function folderStats(source: string): Stats {
  try {
    return statSync(source);
  } catch (error) {
    const problem = systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be looked at (${systemCode(error)})`;
    throw refusal(source, problem, 'make it, mount it, or correct the setting: Docker would make an empty one as root');
  }
}

const refusal = (source: string, problem: string, hint: string): UserError =>
  new UserError('MEDIA_UNREACHABLE', `the folder ${source} ${problem}; nothing was changed`, hint, { path: source });

/**
 * As root, the kernel is asked: a process of that uid, started in the folder (its parents need not be open: they are not mounted),
 * so that access lists count. Otherwise the mode's bits tell; where an access list could still allow it, it is let pass.
 */
function readable(folder: string, stats: Stats, { uid, gid }: User): boolean {
  if (process.getuid?.() === 0) {
    const args = ['-r', '.', '-a', '-x', '.'];
    const ended = startedProgram('test', args);
    const { status } = spawnSync('test', args, { cwd: folder, uid, gid, env: { PATH: '/usr/bin:/bin' } });
    ended(status);
    return status === 0;
  }
  const grants = (shift: number) => ((stats.mode >> shift) & 0o5) === 0o5;
  if (stats.uid === uid) return grants(6);
  // The group's bits are the most that an access list can grant.
  return grants(0) || grants(3);
}
