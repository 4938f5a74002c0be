import type { Step } from '../../capability/capability.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import { certificatesOf } from '../../stack/certificates.ts';
import type { Overrides } from '../../stack/overrides.ts';
import type { Reach } from '../../stack/subnets.ts';
import { protocolName, type Rendered, type Role, type Service } from '../../stack/types.ts';
import type { Mend } from '../../state/plan/mends.ts';
import type { Carrying } from './carry.ts';
import { protocolOf } from './change.ts';
import type { OwnerFacts } from './volume-owners.ts';

/** What was read before planning: the containers and the state folder. */
export interface UpFacts extends OwnerFacts {
  containers: readonly ObservedContainer[];
  /** The files of the last render. */
  files: readonly { path: string; contents: string }[];
  /** References that the engine lacks; asked only when a container will be created. */
  missingImages: readonly string[];
  changedSecrets: readonly string[];
  /** Services whose placed secrets are missing or old. */
  unplaced: readonly string[];
  /** The state folder lacks the program that the application is started by. */
  launchDue: boolean;
  /** What others may read of the state folder, and what containers mount of it and cannot read. */
  mends: readonly Mend[];
  /** Certificate name -> why it has to be issued now. */
  dueCertificates: Readonly<Record<string, string>>;
  /** Service -> version of the configuration that its container reads. */
  liveConfigs: Readonly<Record<string, string | undefined>>;
  /** Service -> what it was last told to read, for those that reload. */
  applied: Readonly<Record<string, string | undefined>>;
  /** Certificate name -> serial that is installed. */
  installed: Readonly<Record<string, string | undefined>>;
  /** The folder that containers are started from; one from elsewhere mounts files that no longer exist. */
  stateFolder: string;
  /** What capabilities bring into place before the services that need it start. */
  gathered: readonly { role: Role; step: Step }[];
  subnetsChanged: boolean;
  subnets: Record<string, string>;
  reach: Reach;
  /** Overrides that this plan changes; undefined if they stay as they are. */
  newOverrides: Overrides | undefined;
  /** Service -> hash of the secrets that it should have, for those that take them by a reload. */
  placements: Readonly<Record<string, string>>;
  /** Members that lead, according to the controller; asked only if a member will be replaced. */
  leaders: readonly string[];
  /** Replicas that their balancer sends requests to; asked only if one will be replaced, undefined if it does not say. */
  serving?: readonly string[] | undefined;
  /** Replicas that an interrupted run has taken out of their balancer. */
  drained: readonly string[];
  /** Components to touch; all where undefined. */
  only: readonly string[] | undefined;
  /** A deploy leaves a replica alone that Docker calls unhealthy while it runs: the balancer decides what serves. */
  deploying: boolean;
  /** Files of services that this run does not touch stay as they were edited by hand. */
  keepEdits?: boolean;
  /** Data that comes along. */
  carry?: Carrying | undefined;
  waitSeconds: number;
}

/** What a reloading service has read: its configuration's hash, its certificates' serials, and a hash of its secrets. */
export const appliedValue = (config: string | undefined, serials: readonly (string | undefined)[], secrets?: string): string =>
  [config ?? '-', ...(serials.length > 0 ? serials.map((serial) => serial ?? '-') : ['-']), ...(secrets ? [secrets] : [])].join(' ');

/** Why a service that reloads has something new to read; undefined where it has not. */
export function reloadCause(service: Service, rendered: Rendered, facts: UpFacts): string | undefined {
  if (!service.reload) return undefined;
  const certificates = certificatesOf(service).map(({ name }) => name);
  const due = certificates.map((name) => facts.dueCertificates[name]).find((cause) => cause !== undefined);
  if (due) return `its certificate ${due}`;
  const serials = certificates.map((name) => facts.installed[name]);
  const wanted = appliedValue(rendered.configs[service.name], serials, facts.placements[service.name]);
  if (facts.applied[service.name] === wanted) return undefined;
  return `its configuration files${service.reloadsSecrets ? ', certificate or secrets' : ' or certificate'} changed`;
}

/** Whether a replica was started to be spoken to in another protocol. */
export function changesProtocol({ rolling }: Service, container: ObservedContainer | undefined): boolean {
  const before = protocolOf(container?.inputs);
  return rolling !== undefined && before !== undefined && before !== protocolName(rolling.tls);
}

/** A folder that a container mounts is pinned by its inode: one that was removed and made again is not the one that it sees. */
export function goneFolder(
  service: Service,
  container: ObservedContainer | undefined,
  rendered: Rendered,
  facts: UpFacts,
): string | undefined {
  if (container?.inputs !== rendered.inputs[service.name]) return undefined;
  if (rendered.configs[service.name] && facts.liveConfigs[service.name] === undefined) return 'its configuration';
  if (facts.unplaced.includes(service.name) && !service.reloadsSecrets) return 'a secret file';
  return certificatesOf(service).some(({ name }) => facts.installed[name] === undefined) ? 'its certificate' : undefined;
}
