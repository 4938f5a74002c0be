import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readOptional, statOptional } from '../../core/files.ts';
import { ask } from '../../host/host-encryption.ts';
import { WATCHED_PATHS } from '../plan/cis-host.ts';
import { commandLineOptions } from '../plan/daemon-options.ts';
import { type AuditRules, type DaemonConfig, type Found, type HostFile, type HostFiles, isFound } from '../plan/evidence.ts';
import { attempt, Unseen } from './attempt.ts';

const AS_ROOT = '`sudo medianest audit report`';
const PID_FILES = ['/run/docker.pid', '/var/run/docker.pid'];
const USUAL_SOCKETS = ['/run/docker.sock', '/var/run/docker.sock'];
const UNIT_FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** How the engine at this socket is started. Its command line is read too: it may say more than `daemon.json`. */
export function readDaemon(socket: string): DaemonConfig {
  const line = commandLineOptions(commandLineOf(socket));
  const file = String(line['config-file'] ?? '/etc/docker/daemon.json');
  const text = readOptional(file);
  if (text === undefined) return { options: line, from: `dockerd’s command line (there is no ${file})` };
  try {
    return { options: { ...(JSON.parse(text) as DaemonConfig['options']), ...line }, from: `${file} and dockerd’s command line` };
  } catch {
    throw new Unseen(`${file} is no JSON`, 'correct it: the engine would not start with it');
  }
}

function commandLineOf(socket: string): string[] {
  const usual = USUAL_SOCKETS.includes(socket);
  const noted = PID_FILES.map((file) => readOptional(file)?.trim()).find((pid) => pid);
  if (usual && noted && programOf(noted) === 'dockerd') return argumentsOf(noted);
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && programOf(name) === 'dockerd')
    .map(argumentsOf)
    .filter((words) => usual || words.some((word) => word.endsWith(`unix://${socket}`)));
  const [only] = all;
  if (only && all.length === 1) return only;
  throw new Unseen('the command line of dockerd cannot be seen', AS_ROOT);
}

function programOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

const argumentsOf = (pid: string): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).slice(1);

/** Owners and modes of the engine's files. What cannot be looked at says so by itself: it does not hide the others. */
export async function readHostFiles(socket: string, daemon: Found<DaemonConfig>): Promise<HostFiles> {
  const groups = groupNames();
  const of = (...files: readonly string[]) => attempt(() => distinct(files).map((file) => fileAt(file, groups)));
  const given = async (option: string): Promise<Found<readonly HostFile[]>> => {
    if (!isFound(daemon)) return daemon;
    const file = daemon.value.options[option];
    return of(...(typeof file === 'string' ? [file] : []));
  };
  return {
    'docker.service': await of(...units('docker.service')),
    'docker.socket': await of(...units('docker.socket')),
    '/etc/docker': await of('/etc/docker'),
    'registry certificates': await attempt(() => certificatesOfRegistries().map((file) => fileAt(file, groups))),
    'TLS CA': await given('tlscacert'),
    'TLS certificate': await given('tlscert'),
    'TLS key': await given('tlskey'),
    'engine socket': await of(socket),
    'daemon.json': await of('/etc/docker/daemon.json'),
    '/etc/default/docker': await of('/etc/default/docker'),
    '/etc/sysconfig/docker': await of('/etc/sysconfig/docker'),
    'containerd socket': await of('/run/containerd/containerd.sock', '/run/docker/containerd/containerd.sock'),
  };
}

const units = (name: string): string[] => UNIT_FOLDERS.map((folder) => path.join(folder, name));

/** `/lib` is `/usr/lib` on most hosts. */
function distinct(files: readonly string[]): string[] {
  const real = files.map((file) => (statOptional(file) ? realpathSync(file) : file));
  return files.filter((_, index) => real.indexOf(real[index] as string) === index);
}

function fileAt(file: string, groups: ReadonlyMap<number, string>): HostFile {
  const stat = statOptional(file);
  return {
    path: file,
    there: stat && { uid: stat.uid, gid: stat.gid, group: groups.get(stat.gid) ?? String(stat.gid), mode: stat.mode & 0o777 },
  };
}

function groupNames(): Map<number, string> {
  const lines = (readOptional('/etc/group') ?? '').split('\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name, , gid]) => (name && gid ? [[Number(gid), name] as const] : [])));
}

function certificatesOfRegistries(folder = '/etc/docker/certs.d'): string[] {
  if (!statOptional(folder)) return [];
  const all = readdirSync(folder, { recursive: true }) as string[];
  return all.filter((name) => /\.(crt|cert|key)$/.test(name)).map((name) => path.join(folder, name));
}

/** Members of the group that may use the socket; empty where only root may. */
export function readDockerGroup(socket: string): string[] {
  const gid = statOptional(socket)?.gid;
  if (gid === undefined) throw new Unseen(`there is no ${socket} on this host`);
  if (gid === 0) return [];
  // Also what a directory service says, which /etc/group does not.
  const line = ask('getent', 'group', String(gid));
  if (line === undefined) throw new Unseen(`getent does not tell the members of the group ${gid}`);
  const primary = (readOptional('/etc/passwd') ?? '').split('\n').flatMap((entry) => {
    const [name, , uid, own] = entry.split(':');
    return name && uid !== '0' && own === String(gid) ? [name] : [];
  });
  return [...new Set([...(line.trim().split(':')[3] ?? '').split(',').filter(Boolean), ...primary])];
}

/** Paths that the kernel's audit watches: the rules in force for root, those of the files for others. */
export function readAuditRules(): AuditRules {
  const existing = WATCHED_PATHS.flatMap(placesOf).filter((file) => statOptional(file) !== undefined);
  const loaded = ask('auditctl', '-l');
  const text = loaded ?? rulesOfFiles();
  const watched = [...text.matchAll(/(?:^|\s)(?:-w\s+|-F\s+(?:path|dir)=)(\S+)/gm)].map(([, file = '']) => file);
  return { watched: [...new Set(watched)], existing };
}

const placesOf = (name: string): string[] => {
  if (name.startsWith('/')) return [name];
  return name === 'containerd.sock' ? ['/run/containerd/containerd.sock'] : distinct(units(name));
};

function rulesOfFiles(folder = '/etc/audit/rules.d'): string {
  if (!statOptional('/etc/audit')) return '';
  try {
    const files = statOptional(folder) ? readdirSync(folder).filter((name) => name.endsWith('.rules')) : [];
    return files.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n');
  } catch {
    throw new Unseen('only root may read the rules of the kernel’s audit', AS_ROOT);
  }
}

/** Whether the engine works on this machine's files. */
export const isHere = (local: boolean, engineName: string | undefined): boolean => local || engineName === os.hostname();
