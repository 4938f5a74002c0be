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

export interface AgentConfig {
  project: string;
  engine: { socket: string; ping: string; events: string; list: string };
  fence: boolean;
  heal: boolean;
  pausedSeconds: number;
  hungSeconds: number;
  unhealthySeconds: number;
  /** Starts and restarts of one container in ten minutes. */
  attempts: number;
  containers: Watched[];
  /** Of a Redis Cluster: replicas of each master, and the silence after which a node counts as away. */
  cache: { replicas: number; nodeTimeoutMs: number } | null;
}

/** Read again where it is needed: it is switched as a whole when it changes. */
export const readConfig = (): AgentConfig => JSON.parse(readFileSync('/etc/medianest/current/agent.json', 'utf8')) as AgentConfig;

export const readSecret = (name: string): string => readFileSync(`/run/secrets/${name}`, 'utf8');

export const inGroup = ({ containers }: AgentConfig, group: string): Watched[] => containers.filter((entry) => entry.group === group);
