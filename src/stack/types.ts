import type { Secret } from '../config/secret.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const NETWORKS = ['dmz', 'app', 'db', 'mgmt'] as const;
export type NetworkName = (typeof NETWORKS)[number];

/** A host port and where it leads. */
export interface PublishedPort {
  address: string;
  host: number;
  container: number;
  /** The setting that moves it. */
  setting: string;
}

export interface Mount {
  /** A named volume, or a folder of the host. */
  source: string;
  target: string;
  kind: 'volume' | 'bind';
  readOnly: boolean;
}

/** Where a secret's value comes from: given by the operator, made once at random, or composed of others. */
export type SecretSource =
  | { given: Secret }
  | { generate: true }
  /** `{name}` is replaced by the value of another secret, percent-encoded (RFC 3986) for use in a URL. */
  | { format: string };

export interface SecretSpec {
  name: string;
  source: SecretSource;
}

export interface CertificateSpec {
  /** Names the folder under `certs/`. */
  name: string;
  /** DNS names and IP addresses, the first is the subject. */
  subjects: string[];
  issuer: string;
  /** Days of validity asked of the issuer. */
  days: number;
}

export interface ImageSpec {
  name: string;
  /** A content-addressed tag for what is built here; the operator's reference otherwise. */
  ref: string;
  build?: {
    /** Folder with the Dockerfile, relative to the package. */
    context: string;
    /** BuildKit's named contexts: name -> folder relative to the package. */
    contexts: Record<string, string>;
    args: Record<string, string>;
    /** The image it is `FROM`, built before it. */
    after?: ImageSpec;
  };
}

/** What one service decides about one of its containers. */
export interface Blueprint {
  /** The Compose service, such as `app-1`. */
  name: string;
  image: ImageSpec;
  /** The uid its processes have: secrets and keys are readable by it alone. */
  uid: number;
  /** Its number in each of its networks: addresses are fixed, because proxies keep what they once resolved. */
  host: number;
  networks: NetworkName[];
  ports: PublishedPort[];
  mounts: Mount[];
  secrets: SecretSpec[];
  certificate?: CertificateSpec;
  environment: Record<string, string>;
  /** What its templates see, and all that they see besides `name`. */
  view: JsonObject;
  /** Components whose `config/` templates it is given, where they are not its own. */
  configFrom?: string[];
  memoryBytes: number;
  /** Containers that should be started before it. */
  after: string[];
  /** How it takes a new configuration or certificate: by a new container, or by this command inside it. */
  reload?: string[];
  /** What its recreation costs the people who use the portal. */
  interruption: string;
  /** Where to go, when this container is the way in. */
  urls: string[];
}

export interface Service extends Blueprint {
  /** The component that it belongs to: its template folder, and its name on the command line. */
  component: string;
}

export interface Network {
  name: NetworkName;
  subnet: string;
  internal: boolean;
}

/** Every decision taken. Nothing after this looks at settings or at the profile's name. */
export interface Stack {
  project: string;
  profile: string;
  version: string;
  services: Service[];
  networks: Network[];
  volumes: string[];
  secrets: SecretSpec[];
  certificates: CertificateSpec[];
  images: ImageSpec[];
  urls: string[];
}

/** A file as it will be written, relative to the state folder's logical tree (`edge/nginx.conf`). */
export interface RenderedFile {
  path: string;
  mode: number;
  contents: string;
}

/** What rendering needs besides the stack: texts and fingerprints, all read beforehand. */
export interface RenderInput {
  /** Text of `docker-compose.base.yml`. */
  base: string;
  /** Template path relative to `templates/` -> text. */
  templates: ReadonlyMap<string, string>;
  /** Text of the operator's compose.override.yml, or undefined. */
  override: string | undefined;
  /** Keyed fingerprints of secrets and certificates, so that a change of one recreates its users. */
  fingerprints: Readonly<Record<string, string>>;
}

export interface Rendered {
  files: RenderedFile[];
  /** Compose service -> fingerprints of all that makes a new container necessary, as JSON: the container's label. */
  inputs: Record<string, string>;
  /** Compose service -> hash of its configuration folder, for those that have one. */
  configs: Record<string, string>;
}
