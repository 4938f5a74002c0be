import type { ContainerSecurity, EngineSecurity, NetworkSecurity } from '../../docker/security-types.ts';
import type { StorageFacts } from '../../host/plan/facts.ts';

/** What was found, or a sentence that says why it was not, and what to do about it. */
export type Found<T> = { value: T } | { unknown: string; fix?: string };

/** All that the points are judged by. Every part is read from what runs or from the host, not from what was rendered. */
export interface Evidence {
  engine: EngineSecurity;
  /** All of the Compose project, running or not: at least one, as nothing can be said of none. */
  containers: ContainerSecurity[];
  networks: NetworkSecurity[];
  /** Containers of others that are in our networks. */
  guests: string[];
  /** Ports that the stack publishes by its settings. */
  wantedPorts: number[];
  daemon: DaemonConfig;
  hostFiles: HostFiles;
  auditRules: AuditRules;
  /** Members of the group `docker`. */
  dockerGroup: string[];
  engineStorage: StorageFacts;
  stateStorage: StorageFacts;
  dataStorage: DataEvidence;
  stateFiles: { path: string; mode: number; most: number }[];
  clock: { synchronized: boolean };
  edge: EdgeEvidence;
  /** How the certificates of all services are, as their listeners serve them; and connections of the stack without TLS: `app to redis`. */
  inside: { certificates: { name: string; status: string; cause: string | undefined }[]; plain: string[] };
  waf: { mode: 'off' | 'detect' | 'block'; text: string };
  /** Limits of the edge on requests and attempts to sign in, as its running configuration has them. */
  limits: { requests: boolean; login: boolean };
  firewall: { state: string; drift: string[]; enabled: boolean };
  auditLog: { entries: number; valid: boolean; problem: string | undefined };
  backups: BackupEvidence;
  logs: LogEvidence;
  monitoring: { alertChannels: string[]; relayRuns: boolean };
  /** Other parties that data can go to, and what goes there. */
  recipients: { what: string; where: string }[];
  /** Components of the stack that sign visitors in; none where `edge.access` asks nothing of them. */
  signOn: string[];
}

/** Where the volumes of the containers are, but for the repository of backups and what other machines hold. */
export interface DataEvidence {
  volumes: { name: string; storage: StorageFacts }[];
  /** The key file of `storage.encrypt`, where it is on the same file system as the data, and in clear text. */
  keyBeside: string | undefined;
}

/** How dockerd is started: `/etc/docker/daemon.json` and its command line. */
export interface DaemonConfig {
  /** An option as the command line names it (`live-restore`), from either. */
  options: Readonly<Record<string, string | string[] | boolean | object>>;
  /** Where it was read: for people. */
  from: string;
}

export interface HostFile {
  path: string;
  /** Undefined where there is none. */
  there: { uid: number; gid: number; group: string; mode: number } | undefined;
}

/** Files of the engine on the host, by a short name. */
export type HostFiles = Readonly<Record<HostFileName, Found<readonly HostFile[]>>>;

export type HostFileName =
  | 'docker.service'
  | 'docker.socket'
  | '/etc/docker'
  | 'registry certificates'
  | 'TLS CA'
  | 'TLS certificate'
  | 'TLS key'
  | 'engine socket'
  | 'daemon.json'
  | '/etc/default/docker'
  | '/etc/sysconfig/docker'
  | 'containerd socket';

/** Rules of the kernel's audit: the paths that are watched, and which of those asked for exist. */
export interface AuditRules {
  watched: string[];
  existing: string[];
}

export interface EdgeAnswer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What the running edge was seen to do, from this host. */
export interface EdgeEvidence {
  /** Where it was asked: `https://127.0.0.1:8443`. */
  at: string;
  /** Published on the loopback alone. */
  local: boolean;
  /** TLS version -> whether a handshake that offers it alone is accepted; undefined where this host's OpenSSL cannot ask, or got no answer. */
  versions: Readonly<Record<'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', boolean | undefined>>;
  /** What both prefer. */
  preferred: string | null;
  cipher: string | null;
  /** The certificate is trusted by the CAs that Node.js knows; else why not. */
  trusted: true | string;
  /** The page `/`, asked for with a foreign `Origin`. */
  page: EdgeAnswer;
  /** The same over plain HTTP; undefined where no plain port is published. */
  plain: EdgeAnswer | undefined;
  /** What a body of a terabyte is answered with. */
  oversized: number;
}

export interface BackupEvidence {
  sets: number;
  /** Age of the newest good set in hours; null without one. */
  newestHours: number | null;
  /** Age of the oldest set in days; null without one. */
  oldestDays: number | null;
  damaged: string[];
  /** Days since the last drill; null where none was made of a set that is kept. */
  drillDays: number | null;
  verifiedDays: number | null;
  /** The cipher of the repository, as its configuration in the container says: `none`; undefined where that does not run or cannot be read. */
  cipher: string | undefined;
  copies: string[];
  /** Why the recovery kit has to be exported. */
  kitProblem: string | undefined;
  maxAgeHours: number;
  /** The rules that sets are kept by: `daily 7`. */
  keep: string;
}

export interface LogEvidence {
  store: 'off' | 'files' | 'elasticsearch' | 'victorialogs';
  days: number;
  /** What the check of `health` says against it; undefined while lines are stored. */
  problem: string | undefined;
  remote: boolean;
  /** What the newest lines of the edge contain; undefined where it has written none. */
  edge: { client: boolean; query: boolean; agent: boolean } | undefined;
}

export type Seen = { readonly [K in keyof Evidence]: Found<Evidence[K]> };

export const isFound = <T>(found: Found<T>): found is { value: T } => 'value' in found;
