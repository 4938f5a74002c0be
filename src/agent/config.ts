import { readFileSync } from 'node:fs';
import type { Figure } from '../stack/metrics.ts';

/** One container that the agent looks after (templates/agent/config/agent.json.hbs). */
export interface Watched {
  service: string;
  /** Its name at the engine. */
  container: string;
  /** Those that hold the same data: `database`, `cache`, `coordination`. */
  group?: string;
  /** Where it is found in the network of the databases. */
  address?: string;
  /** The services that have to be well before it can be. */
  after: string[];
}

/** Where metrics are told, and whom alone: Prometheus. */
export interface MetricsAddress {
  host: string;
  port: number;
  caller: string;
  /** What it reads besides what it looks after: its own container and its proxy's. */
  also: { service: string; container: string }[];
  /** By service: what its health check prints, where it prints something. */
  figures?: Readonly<Record<string, readonly Figure[]>>;
}

/** A store of logs at an address; of its secrets, the names of their files in /run/secrets. */
export interface LogTarget {
  kind: 'elasticsearch' | 'victorialogs';
  /** As the settings have it: certificates are verified by its name. */
  url: string;
  /** Where a connection goes: the container that leads there. */
  connect: { host: string; port: number };
  user?: string;
  password?: string;
  apiKey?: string;
  ca?: string;
}

/** What becomes of the lines of containers (templates/agent/config/agent.json.hbs). */
export interface LogsConfig {
  /** The volume in which they are kept, or wait. */
  folder: string;
  containers: { service: string; container: string }[];
  days: number;
  /** Bytes of files that are kept at most. */
  size: number;
  /** Bytes that wait for the store at most. */
  buffer: number;
  /** Null where they are kept as files. */
  target: LogTarget | null;
  /** Where commands leave the audit log, which is shipped too; undefined where it is not. */
  audit?: string;
  /** Spans are made of lines of the edge and the balancer, and sent there; undefined where they are not. */
  spans?: { url: string; slowMs: number };
}

export interface AgentConfig {
  project: string;
  engine: { socket: string; ping: string; events: string; list: string };
  fence: boolean;
  /** `act`, or what it would do is only told (`suggest`), or no container is looked at (`off`). */
  healing: 'off' | 'suggest' | 'act';
  pausedSeconds: number;
  hungSeconds: number;
  unhealthySeconds: number;
  /** Starts and restarts of one container in ten minutes. */
  attempts: number;
  containers: Watched[];
  /** Where it tells Prometheus of itself and of the containers; null where nothing is monitored. */
  metrics: MetricsAddress | null;
  /** Null where logs are not taken. */
  logs: LogsConfig | null;
  /**
   * Of a Redis Cluster: replicas of each master, and the silence after which a node counts as away. Of a leader and its follower: who
   * of the group is a sentinel, the silence after which one calls a node down, and the time that a failover may take.
   */
  cache: { replicas: number; nodeTimeoutMs: number } | { sentinels: string[]; downAfterMs: number; failoverTimeoutMs: number } | null;
}

/** Read again where it is needed: it is switched as a whole when it changes. */
export const readConfig = (): AgentConfig => JSON.parse(readFileSync('/etc/medianest/current/agent.json', 'utf8')) as AgentConfig;

export const readSecret = (name: string): string => readFileSync(`/run/secrets/${name}`, 'utf8');

export const inGroup = ({ containers }: AgentConfig, group: string): Watched[] => containers.filter((entry) => entry.group === group);
