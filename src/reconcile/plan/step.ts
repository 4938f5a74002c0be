import type { Member } from '../../stack/member.ts';
import type { Orders } from '../../stack/orders.ts';
import type { CertificateSpec, ImageSpec, NfsExport, Rendered, Rolling, Service, Stack } from '../../stack/types.ts';
import type { PendingRules } from '../../waf/store/pending-rules.ts';

/** Everything that can be done to a machine. `execute` has one branch for each; a plan is a list of them. */
export type Step = { cause: string } & (
  | { kind: 'build-image'; image: ImageSpec }
  | { kind: 'pull-image'; ref: string }
  | { kind: 'create-secrets'; names: string[] }
  | { kind: 'remember-subnets'; subnets: Record<string, string> }
  | { kind: 'write-files'; rendered: Rendered; stack: Stack; changed: string[] }
  | { kind: 'issue-certificate'; certificate: CertificateSpec; uid: number; image: string }
  | { kind: 'place-secrets'; service: Service }
  | { kind: 'create-volume'; name: string; project: string }
  | { kind: 'prove-mount'; nfs: NfsExport; image: string }
  | { kind: 'activate-config'; service: string; hash: string }
  | { kind: 'place-rules'; rules: PendingRules }
  | { kind: 'prove-config'; service: Service; hash: string }
  | { kind: 'remove-container'; id: string; name: string }
  | { kind: 'remember-orders'; orders: Orders }
  /** Out of the balancer, a new container or a restart of the old one, back into it. */
  | { kind: 'replace'; service: string; rolling: Rolling; by: 'recreate' | 'restart'; waitSeconds: number }
  /** What it leads handed over, a new container or a restart of the old one, and it takes part again. */
  | { kind: 'replace-member'; service: string; member: Member; by: 'recreate' | 'restart'; waitSeconds: number }
  /** A member that the group will no longer have: `handover` of what it leads first, then it is stopped and removed. */
  | { kind: 'retire-member'; service: string; keeper: string; handover: boolean }
  /** Back into the balancer, where an interrupted run has left it out. */
  | { kind: 'admit'; service: string; rolling: Rolling; waitSeconds: number }
  /** Until the balancer has a replica to send requests to. */
  | { kind: 'await-balancer'; service: string; waitSeconds: number }
  /** `forced`: services that Compose alone would take for unchanged. `alone`: no other service is looked at. */
  | { kind: 'compose-up'; services: string[]; forced: string[]; alone: boolean; waitSeconds: number }
  | { kind: 'run-one-off'; service: string }
  | { kind: 'remove-services'; services: string[] }
  | { kind: 'reload'; service: string; argv: string[] }
  | { kind: 'mark-applied'; service: string; certificates: string[]; secrets: boolean }
  | { kind: 'compose-restart'; services: string[]; waitSeconds: number }
  | { kind: 'compose-down'; volumes: boolean; services: string[] }
);

/** One line for a person, in the present tense. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'build-image':
      return `build image ${step.image.ref}`;
    case 'pull-image':
      return `pull image ${step.ref}`;
    case 'create-secrets':
      return `store ${plural(step.names.length, 'secret')} (${step.names.join(', ')})`;
    case 'remember-subnets':
      return `remember the address ranges (${Object.entries(step.subnets)
        .map(([name, subnet]) => `${name} ${subnet}`)
        .join(', ')})`;
    case 'write-files':
      return `write ${plural(step.changed.length, 'file')}`;
    case 'issue-certificate':
      return `issue certificate ${step.certificate.name} for ${step.certificate.subjects.join(', ')}`;
    case 'place-secrets':
      return `hand secrets to ${step.service.name}`;
    case 'create-volume':
      return `make the volume ${step.name}, where it is not there`;
    case 'prove-mount':
      return `mount ${step.nfs.server}:${step.nfs.export} once`;
    case 'activate-config':
      return `switch the configuration of ${step.service}`;
    case 'place-rules':
      return `check and copy the WAF’s rules (${step.rules.folder ?? step.rules.archive})`;
    case 'prove-config':
      return `check the new configuration of ${step.service.name}`;
    case 'remove-container':
      return `remove container ${step.name}`;
    case 'remember-orders':
      return 'remember what was ordered';
    case 'replace':
      return `${step.by === 'restart' ? 'restart' : 'replace'} ${step.service}: drain, ${step.by === 'restart' ? 'restart' : 'new container'}, wait until ready`;
    case 'replace-member':
      return `${step.by === 'restart' ? 'restart' : 'replace'} ${step.service}: hand over, ${step.by === 'restart' ? 'restart' : 'new container'}, wait until it has caught up`;
    case 'retire-member':
      return `take ${step.service} out of its group, stop and remove it`;
    case 'admit':
      return `put ${step.service} back behind ${step.rolling.balancer}`;
    case 'await-balancer':
      return `wait until a replica is ready behind ${step.service}`;
    case 'compose-up':
      return step.services.length > 0 ? `start and wait until healthy: ${step.services.join(', ')}` : 'wait until everything is healthy';
    case 'run-one-off':
      return `run ${step.service}`;
    case 'remove-services':
      return `stop and remove ${step.services.join(', ')}`;
    case 'reload':
      return `reload ${step.service}`;
    case 'mark-applied':
      return `note what ${step.service} has read`;
    case 'compose-restart':
      return `restart ${step.services.join(', ')}`;
    case 'compose-down':
      return step.volumes ? 'stop and remove everything, volumes included' : 'stop and remove containers and networks';
  }
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
