import type { UserError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Secret } from '../core/secret.ts';
import type { SecretPart } from '../core/secret-part.ts';
import type { FrontLink, PublishedPort } from './front/link.ts';
import type { ImageSpec, LeftOut } from './images/image.ts';
import type { KernelNeed } from './kernel-need.ts';
import type { Member, Role, Rolling } from './member.ts';
import type { Measured } from './metrics.ts';
import type { Mount } from './mount.ts';
import type { Network, NetworkName } from './networks.ts';
import type { Added } from './override/added.ts';
import type { Overrides } from './overrides.ts';
import type { ProcessPlace } from './processes/place.ts';
import type { SettingsTrial } from './settings-trial.ts';

export type { FrontLink, PublishedPort } from './front/link.ts';
export type { ImageSpec, LeftOut } from './images/image.ts';
export type { Role, Rolling } from './member.ts';
export type { FilePart, Mount, NfsExport } from './mount.ts';
export { NETWORKS, type Network, type NetworkName } from './networks.ts';
export type { ProcessPlace } from './processes/place.ts';

/** Where a secret's value comes from: given by the operator, made once at random, or composed of others. */
export type SecretSource =
  | { given: Secret }
  | { generate: true /** Random bytes, written as base64url; 24 where it is not said. */; bytes?: number }
  /** An RSA key of that many bits: PKCS #8 in base64, on one line. */
  | { generate: true; rsa: number }
  /** Written by commands of its own, and kept as they leave it; the text is what there is before the first. */
  | { kept: string }
  /** `{name}` is replaced by the value of another secret, percent-encoded (RFC 3986) for use in a URL. */
  | { format: string }
  /** The same in pieces: braces in them mean nothing, and each secret says how it is written. */
  | { parts: readonly SecretPart[] };

export interface SecretSpec {
  name: string;
  source: SecretSource;
  /** One of two passwords that are valid at the same time, and the group whose override says which of them is in use. */
  slot?: { group: string; of: 'a' | 'b' };
  /** What it encrypts for good: without it that data cannot be read, so it is never generated again. */
  encrypts?: string;
  /** The command that replaces it, where others have to be told its new value. */
  rotatedBy?: string;
}

export interface CertificateSpec {
  /** Names the folder under `certs/`. */
  name: string;
  /** DNS names and IP addresses, the first is the subject. */
  subjects: string[];
  issuer: string;
  /** It also proves who calls (clientAuth): for members that call one another. */
  client?: boolean;
  /** A name that is served with it, where its first is a wildcard or is not served. */
  askFor?: string;
  /** Where the internal CA's list of revoked certificates is served, for those that strangers see. */
  listUrl?: string;
  /** Its common name is its first subject, also where it proves who calls: pgBackRest goes by it. */
  named?: boolean;
  /** Days of validity asked of the issuer. */
  days: number;
}

/** A page that `medianest open` shows, in the network `monitoring`. */
export interface Page {
  address: string;
  port: number;
  /** Where it begins, without a / at its end; at / where this is absent. */
  path?: string;
  /** Who signs in, and the secret with the password. Absent where nothing asks. */
  user?: string;
  secret?: string;
}

/** What the portal answers with 200 while it can serve, and an application unless its settings say otherwise. */
export const READY_PATH = '/api/health/ready';

/** As labels, `plan` and the balancer's program name what a replica is spoken to in. */
export const protocolName = (tls: boolean): 'TLS' | 'HTTP' => (tls ? 'TLS' : 'HTTP');

/** A port of a container that speaks TLS at once, or when asked to (PostgreSQL's SSLRequest). */
export interface Listener {
  port: number;
  protocol: 'tls' | 'postgres';
}

/** What one service decides about one of its containers. */
export interface Blueprint extends Measured {
  /** The Compose service, such as `app-1`. */
  name: string;
  image: ImageSpec;
  /** What it is to the others; undefined where no other part of the program looks for it. */
  role?: Role;
  /** The uid its processes have: secrets and keys are readable by it alone. */
  uid: number;
  /** Its group, where it is not the same number. */
  gid?: number;
  /** Its number in each of its networks: addresses are fixed, because proxies keep what they once resolved. */
  host: number;
  /** None: it has no network at all. */
  networks: NetworkName[];
  /** It has the host's interfaces in place of networks: to read frames that the engine shows to no container. */
  hostNetwork?: true;
  ports: PublishedPort[];
  /** Its ports are those of the front, which several projects share. */
  front?: FrontLink;
  mounts: Mount[];
  secrets: SecretSpec[];
  certificate?: CertificateSpec;
  /** More of them, for names with an issuer of their own; found in /run/certificates/<name>. */
  alsoCertificates?: CertificateSpec[];
  /** Where it speaks TLS: a renewed certificate is proven by a handshake there. */
  listeners?: Listener[];
  environment: Record<string, string>;
  /** The proxies of Docker's client configuration reach it. Without it they do not: members would talk to each other through the proxy. */
  proxy?: boolean;
  /** What nothing but its image says, and was not read of it: the program it starts with, or only whether it checks its health itself. */
  unread?: 'start' | 'health';
  /** What its templates see, and all that they see besides `name`. */
  view: JsonObject;
  /** The component that it belongs to, where that is not the service whose settings it comes from. */
  component?: string;
  /** The component whose `compose.yml` template it is made from, where that is not its own. */
  composeFrom?: string;
  /** The same for rules of Prometheus. */
  rulesFrom?: string;
  /** Components whose `config/` templates it is given, where they are not its own. */
  configFrom?: string[];
  memoryBytes: number;
  /** Processors at most; two where it is not said. Never more than the host has: the engine refuses that. */
  cpus?: number;
  /** Processes and threads at most, where 256 are too few. */
  pids?: number;
  /** It calls addresses outside that nothing names: the network of the application is not cut off for it. */
  egress?: boolean;
  /** It calls addresses outside by way of `dmz`, where published ports are: without such a service nothing there gets an answer from outside. */
  callsOutside?: true;
  /** The addresses outside that it passes calls on to. */
  leadsTo?: string[];
  /** Why it keeps each capability, write path and published port that the stack's hardening leaves it (docs/hardening.md). */
  keeps?: Record<string, string>;
  /** Containers that should be started before it; `calls` are others that it calls, and starts without. */
  after: string[];
  calls?: string[];
  /** How it takes a new configuration or certificate: by a new container, or by this command inside it. */
  reload?: string[];
  /** Behind a balancer: it is drained before its container is replaced, and enabled again once it is ready. */
  rolling?: Rolling;
  /** Its process, where the application has several. */
  process?: ProcessPlace;
  /** It shares its data with others like it: they are replaced one at a time, what leads last. */
  member?: Member;
  /** Among what its configuration says: what it reads at its start alone, so that a change needs a new container. */
  restarts?: JsonObject;
  /** Takes changed secrets by its `reload` as well. */
  reloadsSecrets?: boolean;
  /** Told to Compose, but run only by name: `docker compose run`. */
  oneOff?: boolean;
  /** It changes the database for a new release of its component, before that starts. `due`: no release like this has served yet. */
  migrates?: { due: boolean; restorePoint: boolean };
  /** It is given the internal CA's certificate, in /run/trust, to check others by. */
  trust?: boolean;
  /** Reads its configuration and says whether it is good, in its image. */
  check?: string[];
  /** Judges some of its settings before anything is written. */
  trial?: SettingsTrial;
  /** What it needs of the host's kernel: `doctor` and `up` look. */
  kernel?: KernelNeed[];
  /** More files of its configuration folder, computed: name (`dashboards/host.json`) -> text. */
  files?: Readonly<Record<string, string>>;
  /** A page for people, which `medianest open COMPONENT` shows. */
  page?: Page;
  /** The stack works without it. Where its image cannot be had it is left out, and this is what is missing: `dashboards in Grafana`. */
  without?: string;
  /** Containers that it is of no use without: it is left out where one of them is. */
  needs?: string[];
  /** Memory that it takes also while it has nothing to do, in bytes, where that is most of its limit. */
  restingBytes?: number;
  /** It is given `rules.yml` of every component of the stack, as `rules-COMPONENT.yml`. */
  takesRules?: boolean;
  /** What its recreation costs the people who use the portal. */
  interruption: string;
  /** What `status` should say about it. */
  notes?: string[];
  /** Where to go, when this container is the way in. */
  urls: string[];
}

export interface Service extends Blueprint {
  /** The component that it belongs to: its template folder, and its name on the command line. */
  component: string;
}

/** Every decision taken. Nothing after this looks at settings or at the profile's name. */
export interface Stack {
  project: string;
  profile: string;
  version: string;
  services: Service[];
  networks: Network[];
  volumes: string[];
  /** The folder of the host that the volumes of the stack are in, where it is an encrypted one. */
  encryptedIn?: string;
  secrets: SecretSpec[];
  certificates: CertificateSpec[];
  images: ImageSpec[];
  /** The overrides that apply, of all that were given. */
  overrides: Overrides;
  urls: string[];
  /** Services that the settings ask for and whose image the engine does not have. */
  leftOut: LeftOut[];
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
  /** The operator's own rules and targets for Prometheus: name of a file as the service that takes rules reads it -> text. */
  ownRules?: ReadonlyMap<string, string>;
  /** Keyed fingerprints of secrets and certificates, so that a change of one recreates its users. */
  fingerprints: Readonly<Record<string, string>>;
  /** Processors of the host. */
  hostCpus: number;
}

export interface Rendered {
  files: RenderedFile[];
  /** Compose service -> fingerprints of all that makes a new container necessary, as JSON: the container's label. */
  inputs: Record<string, string>;
  /** Compose service -> hash of its configuration folder, for those that have one. */
  configs: Record<string, string>;
  /** What the operator's override adds to the stack. */
  added: Added;
  /** Why that override cannot be used. */
  refused?: UserError;
}
