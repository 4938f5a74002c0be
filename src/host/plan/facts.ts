import type { EngineInfo } from '../../docker/types.ts';
import type { Stack } from '../../stack/types.ts';
import type { Support } from './fscrypt.ts';
import type { TpmFault } from './tpm.ts';

/** Why it could not be examined: the error that a command would end with. */
export interface Problem {
  message: string;
  remedy: string;
}

export type Encryption =
  | { state: 'encrypted'; by: string }
  | { state: 'plain' }
  /** Neither is known: `why` completes "cannot be told: ...". */
  | { state: 'unknown'; why: string };

/** The file system that a folder is on. */
export interface StorageFacts {
  path: string;
  /** As in /proc/self/mountinfo: `ext4`, `nfs4`, `overlay`. */
  type: string;
  /** Where it is mounted. */
  point: string;
  options: readonly string[];
  freeBytes: number;
  sizeBytes: number;
  /** Files and folders that can still be made; undefined where the file system does not count them. */
  freeFiles: number | undefined;
  encryption: Encryption;
}

/** A name that something of the stack has to resolve, and what it resolves to. */
export interface NameFacts {
  name: string;
  /** The setting that contains it. */
  setting: string;
  /** Empty where it is not known. */
  addresses: readonly string[];
  /** It is ours: visitors find this host by it. */
  own: boolean;
}

/** A published port, and who has it. */
export interface PortFacts {
  address: string;
  port: number;
  setting: string;
  /** Another program that listens there. */
  takenBy: string | undefined;
  /** Our own container uses it already. */
  ours: boolean;
}

/** A file with secrets. */
export interface FileFacts {
  path: string;
  what: string;
  mode: number;
  /** Bits that it should not have more than. */
  most: number;
}

/** What an earlier run of ours has left behind. */
export interface Leftover {
  kind: 'container' | 'network';
  name: string;
  project: string;
  /** The state folder that it was started from, where it tells. */
  from: string | undefined;
}

/** All that was seen of this machine. What could not be seen is undefined, and is not judged. */
export interface HostFacts {
  totalMemory: number;
  availableMemory: number | undefined;
  swapBytes: number | undefined;
  /** `/proc/sys` by the setting's name, such as `vm.max_map_count`. */
  kernel: Readonly<Record<string, number | undefined>>;
  storage: { engine?: StorageFacts | undefined; state?: StorageFacts | undefined };
  /** Where `storage.encrypt` puts the data: the file system of that folder, and whether it can encrypt. */
  encrypted?: { folder: string; storage: StorageFacts | undefined; support: Support; lacksTpm?: TpmFault | undefined };
  /** Whether the state folder can be written, by the code of the error where it cannot. */
  unwritable: { path: string; code: string } | undefined;
  files: readonly FileFacts[];
  clock: { synchronized: boolean | undefined; engineSkewSeconds: number | undefined };
  resolvers: readonly string[];
  names: readonly NameFacts[];
  addresses: readonly string[];
  ipv6: boolean;
  firewall: 'ufw' | 'firewalld' | undefined;
  ports: readonly PortFacts[];
}

/** Everything that `doctor` judges by. */
export interface DoctorFacts {
  tool: { version: string; node: string; arch: string };
  settings: { file: string | undefined; profile: string } | Problem;
  engine: EngineInfo | Problem;
  /** Where the engine was asked, and whether it works on this machine's files. */
  engineAt: { label: string; sameMachine: boolean };
  compose: { version: string } | Problem;
  /** What would run; undefined if the settings or the engine prevent it. */
  stack: Stack | undefined;
  /** One line for each network that gives way to another range, for each that covers what this host has to reach, and for each of those. */
  ranges: { moved: readonly string[]; covers: readonly { network: string; text: string }[]; reached: readonly string[] };
  /** An explicit range that overlaps, or another reason why the stack cannot be laid out. */
  layout: Problem | undefined;
  host: HostFacts;
  /** Memory limits of our containers that run already. */
  runningServices: ReadonlySet<string>;
  missingImages: readonly string[];
  /** A stack of the same name that another state folder has, or that is not medianest's. */
  foreign: Problem | undefined;
  leftovers: readonly Leftover[];
}

/** What `--fix` may do: each is small, can be undone, and is confirmed separately. */
export type Fix =
  | { kind: 'sysctl'; setting: string; value: number }
  | { kind: 'chmod'; path: string; mode: number }
  | { kind: 'remove-network'; name: string }
  | { kind: 'remove-container'; name: string };

export const isProblem = (value: object): value is Problem => 'remedy' in value;
