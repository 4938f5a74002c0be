/** What `docker inspect` says of how far a container is confined: as it runs, whatever was rendered. */
export interface ContainerSecurity {
  name: string;
  /** The Compose service. */
  service: string;
  image: string;
  /** medianest has built its image. */
  built: boolean;
  running: boolean;
  /** `10001:10001`; '' for the image's own user, which is root where the image names none. */
  user: string;
  privileged: boolean;
  /** Without `CAP_`, in capitals. */
  capAdd: string[];
  capDrop: string[];
  readOnlyRoot: boolean;
  /** As given: `no-new-privileges:true`, `seccomp=unconfined`. */
  securityOptions: string[];
  /** The profile that the engine has given it; '' where the kernel has no AppArmor. */
  appArmor: string;
  /** The engine's process label (SELinux); '' where there is none. */
  processLabel: string;
  /** Bytes; 0 for no limit. */
  memory: number;
  /** Any limit or weight of processor time. */
  limitsCpu: boolean;
  /** 0 or less for no limit. */
  pids: number;
  /** `always`, `on-failure:5`, `no`. */
  restart: string;
  networkMode: string;
  pidMode: string;
  ipcMode: string;
  utsMode: string;
  usernsMode: string;
  cgroupParent: string;
  devices: string[];
  /** Limits of its own, such as `nofile`. */
  ulimits: string[];
  publishesAll: boolean;
  ports: { address: string; host: number; container: number }[];
  /** `host`: it is a file or folder of the host, mounted as such or by the options of a volume; `own`: it is in the state folder. */
  mounts: { source: string; target: string; writable: boolean; propagation: string; host: boolean; own?: boolean }[];
  checksHealth: boolean;
  logDriver: string;
  /** Options of the log driver: `max-size`. */
  logOptions: Readonly<Record<string, string>>;
  /** The engine's names of its networks. */
  networks: string[];
  /** Names, never values, of variables that hold a secret by their name. */
  secretVariables: string[];
  /** Programs that run in it; undefined where it does not run or the engine does not tell. */
  programs: string[] | undefined;
}

/** How the engine is set up, by its own answer. */
export interface EngineSecurity {
  version: string;
  rootless: boolean;
  remapped: boolean;
  appArmor: boolean;
  selinux: boolean;
  /** The profile of containers that name none: `builtin`, a file, or undefined where the engine has no seccomp. */
  seccomp: string | undefined;
  /** For every container, by the engine's own setting. */
  noNewPrivileges: boolean;
  liveRestore: boolean;
  experimental: boolean;
  storageDriver: string;
  loggingDriver: string;
  swarm: boolean;
  /** Registries that are spoken to without TLS; those of the loopback do not count. */
  insecureRegistries: string[];
  authorizationPlugins: string[];
  /** The default bridge lets its containers talk to each other. */
  defaultBridgeOpen: boolean;
  images: number;
  /** The engine's own warnings: an API without encryption is one. */
  warnings: string[];
}

export interface NetworkSecurity {
  name: string;
  internal: boolean;
}

/** All that the engine tells of the security of one Compose project. */
export interface ProjectSecurity {
  engine: EngineSecurity;
  containers: ContainerSecurity[];
  networks: NetworkSecurity[];
}
