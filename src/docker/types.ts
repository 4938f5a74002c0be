import type { Life } from './plan/lives.ts';
import type { ProjectSecurity } from './security-types.ts';

/** What was observed in the engine and the state folder. Plain data: plans compare it with a Stack. */

export interface ObservedContainer {
  id: string;
  name: string;
  /** The Compose service. */
  service: string;
  number: number;
  image: string;
  /** As the engine numbers the image that it was made of. */
  imageId?: string;
  state: string;
  health: 'healthy' | 'unhealthy' | 'starting' | 'none';
  /** The engine's own words, such as `Up 3 minutes (healthy)` or `Exited (1) 5 seconds ago`. */
  status: string;
  /** Ours carry it; undefined on a container of a foreign project. */
  project: string | undefined;
  component: string | undefined;
  inputs: string | undefined;
  /** The state folder that it was started from. */
  stateFolder: string | undefined;
  addresses: Record<string, string>;
  ports: { address: string; host: number; container: number; udp?: true }[];
  /** Names of the volumes that it mounts, running or not. */
  volumes: string[];
}

/** What the engine knows of a container's present life, or of the end of its last one. */
export interface ContainerStory {
  /** It runs at this moment: then the engine has forgotten how its last life ended. */
  running: boolean;
  exitCode: number;
  /** The kernel ended it, because it had reached its memory limit. */
  oomKilled: boolean;
  /** Why the engine could not start it; '' where it could. */
  error: string;
  started: Date | undefined;
  /** The end of its last life; undefined before the first. */
  finished: Date | undefined;
  /** Bytes; 0 for no limit. */
  memoryLimit: number;
  /** The last health checks that it was given, the oldest first. */
  checks: { at: Date; exitCode: number; output: string }[];
}

export interface ObservedVolume {
  name: string;
  labels: Readonly<Record<string, string>>;
  /** A volume of the same name that is made later has another time. */
  createdAt?: string | undefined;
  /** What its driver mounts, such as a folder of the host. */
  device?: string | undefined;
}

export interface ObservedNetwork {
  name: string;
  composeProject: string | undefined;
  ours: boolean;
  /** Its containers get answers from outside. */
  outbound: boolean;
  subnets: string[];
}

export interface ImageInfo {
  id: string;
  /** Where it can be pulled from, exactly: `name@sha256:...`. */
  digests: string[];
  /** Digests of its layers, the lowest first. */
  layers?: string[];
}

/** How a container of an image starts where nothing else is said. */
export interface ImageStart {
  entrypoint: string[];
  command: string[];
  /** It comes with a HEALTHCHECK. */
  checksHealth: boolean;
  /** As Docker names it: `amd64`. */
  architecture: string;
}

/** An image that the engine has. */
export interface ObservedImage {
  id: string;
  /** All of its names. */
  refs: string[];
  /** With the layers that it shares with others. */
  bytes: number;
  /** medianest has built it, or it is built upon one of these. */
  built: boolean;
}

export interface EngineInfo {
  version: string;
  arch: string;
  memoryBytes: number;
  /** The host's name, as the engine sees it. */
  name: string;
  /** Where it keeps images and volumes. */
  rootDir: string;
  storageDriver: string;
  cgroupVersion: string;
  rootless: boolean;
  /** Users are remapped (`userns-remap`). */
  remapped: boolean;
  /** It can make an internal network in which its host has no address. */
  isolates: boolean;
  /** It is Podman's imitation. */
  podman: boolean;
  /** Its clock, when it answered. */
  time: Date | undefined;
  /** The limits that its kernel can enforce. */
  limits: { memory: boolean; swap: boolean; cpus: boolean; pids: boolean };
}

/** What carries our label, of whatever project. */
export interface Owned {
  containers: { name: string; project: string; running: boolean; stateFolder: string | undefined }[];
  /** `used`: some container, not only ours, is in it. */
  networks: { name: string; project: string; used: boolean }[];
}

/** The narrow view of a Docker Engine that medianest needs; the one implementation is over dockerode. */
export interface Engine {
  info(): Promise<EngineInfo>;
  /** Every container of a project, running or not: one read, whatever their number. */
  observe(project: string): Promise<ObservedContainer[]>;
  /** Who publishes this host port: a container's name and project. */
  portOwner(port: number, protocol?: 'tcp' | 'udp'): Promise<string | undefined>;
  networks(): Promise<ObservedNetwork[]>;
  /** Everything of ours on this engine. */
  owned(): Promise<Owned>;
  /** Containers that are not ours, and what they publish. */
  neighbours(): Promise<Neighbour[]>;
  /** @throws where containers are in it */
  removeNetwork(name: string): Promise<void>;
  /** Containers in these networks that are not of this Compose project, running or not. `ours`: jobs of this project, which carry our label. */
  guests(project: string, networks: readonly string[]): Promise<{ container: string; network: string; ours: boolean }[]>;
  /** All volumes of this engine, of whatever project. */
  volumes(): Promise<ObservedVolume[]>;
  /** Those of the references that the engine does not have. */
  missingImages(refs: readonly string[]): Promise<string[]>;
  lastLogLines(id: string, lines: number): Promise<string[]>;
  removeContainer(id: string): Promise<void>;
  /** Which life a container is in: another text once it has ended and was started again. */
  life(id: string): Promise<string>;
  /** Container -> its restarts and when it began; without those that are gone. */
  lives(ids: readonly string[]): Promise<Record<string, Life>>;
  /** Container -> processor time that it has used in its present life, in seconds; without those that are gone or do not run. */
  cpuSeconds(ids: readonly string[]): Promise<Record<string, number>>;
  /** How a container ended, and what its health checks said; undefined where it is gone. */
  story(id: string): Promise<ContainerStory | undefined>;
  /** How far the engine, and the containers and networks of this Compose project, are confined. */
  security(project: string): Promise<ProjectSecurity>;
  /** Stops a container as its image and Compose say (signal, grace), then removes it. */
  stopContainer(id: string): Promise<void>;
  /** Runs a program inside a container to its end. */
  exec(id: string, argv: readonly string[]): Promise<{ exitCode: number; output: string }>;
  /** An image that the engine has, by any of its names; undefined where it has none. */
  image(ref: string): Promise<ImageInfo | undefined>;
  /** Undefined where the engine does not have it. */
  imageStart(ref: string): Promise<ImageStart | undefined>;
  /** All images of this engine. */
  images(): Promise<ObservedImage[]>;
  /** Takes a name from an image, and removes one that has no other. @returns false where a container uses it */
  removeImage(ref: string): Promise<boolean>;
  /** Gives volumes that are empty to a user. */
  giveNewVolumes(names: readonly string[], to: NewOwner): Promise<void>;
  /** @throws where a container mounts it */
  removeVolume(name: string): Promise<void>;
  /** Gives an image another name. */
  tag(source: string, target: string): Promise<void>;
}

/** Whom volumes go to, and what a container needs that mounts them. */
export interface NewOwner {
  uid: number;
  gid: number;
  image: string;
  project: string;
  stateFolder: string;
}

/** Another project's container, as far as it shows what runs in it. */
export interface Neighbour {
  name: string;
  image: string;
  /** Ports of this host that lead into it, by the port inside. */
  ports: Readonly<Record<number, number>>;
  /** It listens on the host's own addresses. */
  hostNetwork: boolean;
}
