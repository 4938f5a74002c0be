import type * as z from 'zod';
import type { CoreSettings } from '../settings/core.ts';
import type { SettingsPart } from '../settings/part.ts';
import type { Overrides } from './overrides.ts';
import type { Blueprint, ImageSpec, NetworkName, SecretSpec } from './types.ts';

/**
 * What was found on the host that services are built with, besides settings. A service declares what it reads beside its code
 * (`declare module '.../stack/service.ts' { interface HostFacts { ... } }`), and a capability gathers it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by the services
export interface HostFacts {}

/** What a service may ask of the rest of the stack while it decides. Pure: no clock, no files, no engine. */
export interface BuildInput {
  readonly settings: CoreSettings;
  readonly overrides: Overrides;
  readonly host: HostFacts;
  /** The engine's socket on this machine and the group that may use it. */
  readonly engineSocket: { path: string; gid: number } | undefined;
  /** As in `Reach`; where not, the application is in the open network of an earlier version until `up` may replace that. */
  readonly appClosed: boolean;
  /** The containers of the services above it in the registry: for one that looks after the others. */
  readonly built: readonly Blueprint[];
  /** The validated settings of another service, by its definition. */
  settingsOf<S extends z.ZodType>(definition: ServiceDefinition<S>): z.output<S>;
  enabled(component: string): boolean;
  /** The fixed address of the container with this host number in a network. */
  address(network: NetworkName, host: number): string;
  /** The range of the network. */
  range(network: NetworkName): string;
  /** Whether the network has room for a container with this number. */
  fits(network: NetworkName, host: number): boolean;
  /** A container with this number may come later: a range that is chosen now has room for it. */
  reserve(network: NetworkName, host: number): void;
  /** The image built from `templates/<name>/image`, or the operator's own from `images:`. */
  image(name: string, build?: Partial<Pick<NonNullable<ImageSpec['build']>, 'after' | 'contexts'>>): ImageSpec;
  /** An image that others publish, or the operator's own from `images:`. @param bytes what it takes on the engine's disk, about */
  pulled(name: string, published: { ref: string; bytes: number }): ImageSpec;
  /** Whether a service is left out for want of this image: the engine was asked, and has neither it nor one that the service runs from. */
  lacks(service: string, image: ImageSpec): boolean;
}

/**
 * One service: everything that medianest decides about it. Its templates are in `templates/<name>/`.
 * Adding one is this file, that folder and a line in `index.ts`.
 */
export interface ServiceDefinition<S extends z.ZodType = z.ZodType> extends SettingsPart<S> {
  /** It is on wherever this component is, unless `components` says otherwise. */
  readonly accompanies?: string;
  /** It is on where another setting than `components` asks for it, unless `components` says otherwise. */
  readonly askedFor?: (settings: CoreSettings) => boolean;
  /** One blueprint for each container. */
  build(own: z.output<S>, input: BuildInput): Blueprint[];
}

/** Keeps the settings' type while the registry sees every service alike. */
export const defineService = <S extends z.ZodType>(definition: ServiceDefinition<S>): ServiceDefinition<S> => definition;

/** Where a store is, in the parts of which addresses for any client are made. */
export interface Connection {
  host: string;
  port: number;
  user: string;
  /** The secret that is its password. */
  password: string;
  /** The certificate that it is checked by; undefined where it speaks no TLS. */
  ca?: string;
}

export interface DatabaseConnection extends Connection {
  /** The database. */
  name: string;
  /** Port for reads alone, on the same host. */
  replicaPort: number;
}

export interface CacheConnection extends Connection {
  mode: 'cluster' | 'sentinel' | 'single';
  /** Of a cluster, all of its nodes as HOST:PORT; the host and port above are those of the first. */
  cluster?: string[];
}

/** How the application reaches a store of data: its part of the app contract (docs/app-contract.md). */
export interface StoreContract<C extends Connection = Connection> {
  /** The same for clients that are told in other words. */
  connection: C;
  environment: Record<string, string>;
  /** What the application's process reads. */
  secrets: SecretSpec[];
  /** What those are composed of, which the store itself reads. */
  passwords: SecretSpec[];
  /** Containers that should be started before the application. */
  after: string[];
  /** The application checks the store's certificate by the internal CA. */
  trust?: boolean;
}
