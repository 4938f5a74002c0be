import type Docker from 'dockerode';
import { COMPOSE_PROJECT } from '../stack/labels.ts';
import { isFolderOf } from '../stack/storage.ts';
import { COMPOSE_FOLDER } from './labelled.ts';
import type { ContainerSecurity, EngineSecurity, ProjectSecurity } from './security-types.ts';

/** The parts of `GET /info` that are read (Docker Engine API 1.48); imitations of Docker leave some out. */
interface Info {
  ServerVersion?: string;
  SecurityOptions?: string[] | null;
  LiveRestoreEnabled?: boolean;
  ExperimentalBuild?: boolean;
  Driver?: string;
  LoggingDriver?: string;
  Images?: number;
  Swarm?: { LocalNodeState?: string };
  RegistryConfig?: { InsecureRegistryCIDRs?: string[] | null; IndexConfigs?: Record<string, { Secure?: boolean }> | null } | null;
  Plugins?: { Authorization?: string[] | null };
  Warnings?: string[] | null;
}

type Inspected = Docker.ContainerInspectInfo & { AppArmorProfile?: string; ProcessLabel?: string };

export async function readSecurity(docker: Docker, project: string): Promise<ProjectSecurity> {
  const [info, networks, list, { Volumes: volumes }] = await Promise.all([
    docker.info() as Promise<Info>,
    docker.listNetworks(),
    docker.listContainers({ all: true, filters: { label: [`${COMPOSE_PROJECT}=${project}`] } }),
    docker.listVolumes(),
  ]);
  const folders = foldersOf(volumes);
  const bridge = networks.find(({ Name }) => Name === 'bridge');
  const found = await Promise.all(list.map(({ Id }) => readContainer(docker, Id, folders)));
  return {
    engine: { ...toEngine(info), defaultBridgeOpen: bridge?.Options?.['com.docker.network.bridge.enable_icc'] !== 'false' },
    containers: found.filter((one) => one !== undefined).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
    networks: networks
      .filter(({ Labels }) => Labels?.[COMPOSE_PROJECT] === project)
      .map(({ Name, Internal }) => ({ name: Name, internal: Internal === true })),
  };
}

export function toEngine(info: Info): Omit<EngineSecurity, 'defaultBridgeOpen'> {
  const options = (info.SecurityOptions ?? []).map((option) => option.split(','));
  const has = (name: string) => options.some(([first]) => first === `name=${name}`);
  const seccomp = options.find(([first]) => first === 'name=seccomp')?.find((part) => part.startsWith('profile='));
  const index = Object.entries(info.RegistryConfig?.IndexConfigs ?? {}).flatMap(([name, { Secure }]) => (Secure === false ? [name] : []));
  const ranges = (info.RegistryConfig?.InsecureRegistryCIDRs ?? []).filter((range) => range !== '127.0.0.0/8' && range !== '::1/128');
  return {
    version: info.ServerVersion ?? '',
    rootless: has('rootless'),
    remapped: has('userns'),
    appArmor: has('apparmor'),
    selinux: has('selinux'),
    seccomp: has('seccomp') ? (seccomp?.slice('profile='.length) ?? 'builtin') : undefined,
    noNewPrivileges: has('no-new-privileges'),
    liveRestore: info.LiveRestoreEnabled === true,
    experimental: info.ExperimentalBuild === true,
    storageDriver: info.Driver ?? '',
    loggingDriver: info.LoggingDriver ?? '',
    swarm: !['', 'inactive'].includes(info.Swarm?.LocalNodeState ?? ''),
    insecureRegistries: [...new Set([...index, ...ranges])],
    authorizationPlugins: info.Plugins?.Authorization ?? [],
    images: info.Images ?? 0,
    warnings: info.Warnings ?? [],
  };
}

/** By volume: the folder of the host that Docker’s own driver mounts for it. */
type Folders = ReadonlyMap<string, string>;

/** The folders of encrypted storage are no others than those of volumes without options. */
export const foldersOf = (volumes: readonly Pick<Docker.VolumeInspectInfo, 'Name' | 'Options'>[] | null): Folders =>
  new Map(
    (volumes ?? []).flatMap(({ Name, Options }) => {
      const device = Options?.device ?? '';
      return /(^|,)r?bind(,|$)/.test(Options?.o ?? '') && !isFolderOf(Name, device) ? [[Name, device] as const] : [];
    }),
  );

/** Undefined where it has gone meanwhile. */
async function readContainer(docker: Docker, id: string, folders: Folders): Promise<ContainerSecurity | undefined> {
  const container = docker.getContainer(id);
  try {
    const inspected = (await container.inspect()) as Inspected;
    return toContainer(inspected, inspected.State.Running ? await programsOf(container) : undefined, folders);
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** `docker top`, which asks the host's `ps`. */
async function programsOf(container: Docker.Container): Promise<string[] | undefined> {
  try {
    const { Titles, Processes } = (await container.top({ ps_args: '-eo pid,comm' })) as { Titles: string[]; Processes: string[][] };
    const at = Titles.indexOf('COMMAND');
    return at < 0 ? undefined : [...new Set(Processes.map((row) => row[at] ?? ''))];
  } catch {
    // It ended meanwhile, or the engine's host has no ps: not known.
    return undefined;
  }
}

/** Names that say that their value is a secret. */
const SECRET_NAME = /(^|_)(PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS)(_|$)/i;
/** Of the others: what names a file, and etcd's name of a cluster, which is no secret. */
const NO_SECRET = /_(FILE|PATH|DIR|FOLDER)$|^ETCD_INITIAL_CLUSTER_TOKEN$/i;

export function toContainer(found: Inspected, programs: string[] | undefined, folders: Folders = new Map()): ContainerSecurity {
  const { Name, Config, HostConfig, NetworkSettings, Mounts, State } = found;
  const capabilities = (list: string | string[] | null | undefined) =>
    [list ?? []].flat().map((name) => name.toUpperCase().replace(/^CAP_/, ''));
  const variables = (Config.Env ?? []).flatMap((line) => {
    const [, name = '', value = ''] = /^([^=]*)=?([\s\S]*)$/.exec(line) ?? [];
    return value !== '' && SECRET_NAME.test(name) && !NO_SECRET.test(name) ? [name] : [];
  });
  const test = (Config as { Healthcheck?: { Test?: string[] | null } }).Healthcheck?.Test ?? [];
  const { Name: policy = '', MaximumRetryCount: tries } = HostConfig.RestartPolicy ?? {};
  return {
    name: Name.replace(/^\//, ''),
    service: Config.Labels?.['com.docker.compose.service'] ?? '',
    image: Config.Image,
    built: Config.Labels?.['io.medianest.image'] !== undefined,
    running: State.Running,
    user: Config.User ?? '',
    privileged: HostConfig.Privileged === true,
    capAdd: capabilities(HostConfig.CapAdd),
    capDrop: capabilities(HostConfig.CapDrop),
    readOnlyRoot: HostConfig.ReadonlyRootfs === true,
    securityOptions: HostConfig.SecurityOpt ?? [],
    appArmor: found.AppArmorProfile ?? '',
    processLabel: found.ProcessLabel ?? '',
    memory: HostConfig.Memory ?? 0,
    limitsCpu: [HostConfig.NanoCpus, HostConfig.CpuQuota, HostConfig.CpuShares].some((value) => (value ?? 0) > 0),
    pids: HostConfig.PidsLimit ?? 0,
    restart: policy === 'on-failure' ? `${policy}:${tries ?? 0}` : policy || 'no',
    networkMode: HostConfig.NetworkMode ?? '',
    pidMode: HostConfig.PidMode ?? '',
    ipcMode: HostConfig.IpcMode ?? '',
    utsMode: (HostConfig as { UTSMode?: string }).UTSMode ?? '',
    usernsMode: HostConfig.UsernsMode ?? '',
    cgroupParent: HostConfig.CgroupParent ?? '',
    devices: [
      ...((HostConfig.Devices ?? []) as { PathOnHost?: string }[]).map(({ PathOnHost }) => PathOnHost ?? '?'),
      ...(HostConfig.DeviceRequests ?? []).map(({ Driver }) => Driver || 'device request'),
    ],
    ulimits: ((HostConfig.Ulimits ?? []) as { Name?: string }[]).flatMap((limit) => (limit.Name ? [limit.Name] : [])),
    publishesAll: HostConfig.PublishAllPorts === true,
    ports: portsOf(NetworkSettings.Ports, HostConfig.PortBindings as Bindings),
    mounts: (Mounts ?? []).map(({ Type, Name, Source, Destination, RW, Propagation }) => ({
      source: folders.get(Name ?? '') ?? Source,
      // An imitation may leave the type out.
      host: (Type ?? 'bind') === 'bind' || folders.has(Name ?? ''),
      target: Destination,
      writable: RW,
      propagation: Propagation ?? '',
      ...(Config.Labels?.[COMPOSE_FOLDER] !== undefined && Source.startsWith(`${Config.Labels[COMPOSE_FOLDER]}/`) && { own: true }),
    })),
    checksHealth: test.length > 0 && test[0] !== 'NONE',
    logDriver: HostConfig.LogConfig?.Type ?? '',
    logOptions: (HostConfig.LogConfig?.Config ?? {}) as Record<string, string>,
    networks: Object.keys(NetworkSettings.Networks ?? {}).filter((name) => name !== 'none'),
    secretVariables: variables,
    programs,
  };
}

type Bindings = Record<string, { HostIp?: string; HostPort?: string }[] | null> | null | undefined;

/** As the engine has published them; of a container that does not run, as it was told to. */
function portsOf(published: Bindings, told: Bindings): ContainerSecurity['ports'] {
  const some = Object.values(published ?? {}).some((bound) => (bound ?? []).length > 0) ? published : told;
  return Object.entries(some ?? {}).flatMap(([port, bound]) =>
    (bound ?? []).flatMap(({ HostIp, HostPort }) =>
      HostPort ? [{ address: HostIp || '0.0.0.0', host: Number(HostPort), container: Number.parseInt(port, 10) }] : [],
    ),
  );
}
