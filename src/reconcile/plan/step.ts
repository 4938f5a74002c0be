import type { Member } from '../../stack/member.ts';
import type { Overrides } from '../../stack/overrides.ts';
import type { SettingsTrial } from '../../stack/settings-trial.ts';
import type { Reach } from '../../stack/subnets.ts';
import type { CertificateSpec, ImageSpec, NfsExport, ProcessPlace, Rendered, Rolling, Service, Stack } from '../../stack/types.ts';
import type { Mend } from '../../state/plan/mends.ts';
import type { CarryJournal } from './carry-journal.ts';

type Drains = NonNullable<ProcessPlace['drains']>;

/** What brings a stack to what its settings say: images, secrets, certificates, files and containers, which any service may have. */
export interface ReconcileSteps {
  'build-image': { image: ImageSpec };
  'pull-image': { ref: string };
  /** Images that the stack can do without: what cannot be pulled in bounded time is told, and left out. */
  'fetch-images': { images: ImageSpec[] };
  'create-secrets': { names: string[] };
  'remember-subnets': { subnets: Record<string, string>; reach: Reach };
  /** `only`: files of other services stay as they were edited by hand. */
  'write-files': { rendered: Rendered; stack: Stack; changed: string[]; only?: string[] };
  'issue-certificate': { certificate: CertificateSpec; uid: number; image: string };
  /** `image`: one that has the programs for it. */
  'place-secrets': { service: Service; image: string };
  'place-launch': Record<never, never>;
  /** `image`: any that is there. */
  mend: { mends: Mend[]; image: string };
  'create-volume': { name: string; project: string };
  /** What is in it, too. `image`: one that has the programs for it. */
  'own-volume': { volume: string; project: string; uid: number; gid: number; image: string };
  'prove-mount': { nfs: NfsExport; image: string };
  'prove-settings': { service: string; image: string; uid: number; memoryBytes: number; trial: SettingsTrial };
  'activate-config': { service: string; hash: string };
  'prove-config': { service: Service; hash: string };
  'remove-container': { id: string; name: string };
  'store-overrides': { overrides: Overrides };
  /** Drained once `others` more are in service, a new container or a restart of the old one, enabled. */
  replace: { service: string; rolling: Rolling; others: number; by: 'recreate' | 'restart'; waitSeconds: number };
  /** Told to finish, then a new container or a restart of the old one, and a look whether it stays up. */
  'replace-worker': { service: string; drains: Drains; by: 'recreate' | 'restart'; waitSeconds: number };
  /** Told to finish; its container stays as it is then, until `replace-worker` puts another one in its place. */
  'stop-worker': { service: string; drains: Drains };
  /** Handover, a new container or a restart of the old one, and a wait until it is a healthy member again. */
  'replace-member': { service: string; member: Member; by: 'recreate' | 'restart'; waitSeconds: number };
  /** A member that leaves its group: with `handover` it first hands over what it leads, then it is stopped and removed. */
  'retire-member': { service: string; controller: string; handover: boolean };
  /** Enabled in the balancer, after a run that was interrupted or failed has drained it. */
  admit: { service: string; rolling: Rolling; waitSeconds: number };
  /** A new replica, until it is ready and has passed its smoke test: it is sent nothing yet. */
  'prove-replica': { service: string; rolling: Rolling; waitSeconds: number };
  /** Requests go to replicas `to` instead of `from`, by one command; then `drainSeconds` at most until those under way have ended. */
  'switch-replicas': { balancer: string; to: string[]; from: string[]; drainSeconds: number };
  /** Until the balancer has a replica to send requests to. */
  'await-balancer': { service: string; waitSeconds: number };
  /** `forced`: services that Compose alone would take for unchanged. `alone`: no other service is looked at. */
  'compose-up': { services: string[]; forced: string[]; alone: boolean; waitSeconds: number };
  'run-one-off': { service: string };
  'remove-services': { services: string[] };
  reload: { service: string; argv: string[] };
  'mark-applied': { service: string; certificates: string[]; secrets: boolean };
  'compose-restart': { services: string[]; waitSeconds: number };
  'compose-down': { volumes: boolean; services: string[] };
  'remove-volumes': { names: string[] };
  'remove-images': { refs: string[] };
  'remove-state': { root: string };
  /** Enough disk space for copies of these volumes; of a database, its version too. */
  'check-carry': { volumes: string[]; image: string; database?: { members: number } };
  'begin-carry': { journal: CarryJournal };
  'carry-volume': { from: string; to: string; labels: Record<string, string>; image: string };
  /** `from`: the old server's volume; `volumes`: those of the new cluster. */
  'carry-database': { from: string; project: string; members: string[]; volumes: string[]; image: string };
  'finish-carry': Record<never, never>;
}

declare module '../../capability/capability.ts' {
  interface StepKinds extends ReconcileSteps {}
}

export type { Step } from '../../capability/capability.ts';
