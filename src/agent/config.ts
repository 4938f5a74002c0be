import { readFileSync } from 'node:fs';

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
  /** Of a Redis Cluster: replicas of each master, and the silence after which a node counts as away. */
  cache: { replicas: number; nodeTimeoutMs: number } | null;
}

/** Read again where it is needed: it is switched as a whole when it changes. */
export const readConfig = (): AgentConfig => JSON.parse(readFileSync('/etc/medianest/current/agent.json', 'utf8')) as AgentConfig;

export const readSecret = (name: string): string => readFileSync(`/run/secrets/${name}`, 'utf8');

export const inGroup = ({ containers }: AgentConfig, group: string): Watched[] => containers.filter((entry) => entry.group === group);
