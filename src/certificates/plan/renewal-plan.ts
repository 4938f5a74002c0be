import type { ObservedContainer } from '../../docker/types.ts';
import { certificatesOf } from '../../stack/certificates.ts';
import type { CertificateSpec, Service, Stack } from '../../stack/types.ts';
import { mayTry } from './back-off.ts';
import type { CertificateRow, CertificateSeen } from './certificate-report.ts';

/** A certificate as it is reported, and what that is concluded from. */
export type SeenRow = CertificateRow & { seen: CertificateSeen };

/** Which running services are reloaded for a certificate that is switched to. */
export interface Activation {
  certificate: CertificateSpec;
  reload: string[];
}

/** What a renewal does to one certificate or to containers: `renewDue` carries the list out, and a dry run prints it. */
export type RenewalStep =
  | { kind: 'issue-certificate'; certificate: CertificateSpec; uid: number; image: string; cause: string }
  | ({ kind: 'activate-certificate'; cause: string } & Activation)
  | { kind: 'replace-containers'; components: string[]; cause: string };

type CertificateStep = Exclude<RenewalStep, { kind: 'replace-containers' }>;

/** What each certificate needs. */
export type Decision = { row: SeenRow; cause: string } & (
  | { action: 'kept' | 'waits'; nextTry?: string | undefined }
  | {
      action: 'due';
      steps: CertificateStep[];
      /** Components that read a certificate only when their container starts. */
      replace: string[];
    }
);

export type DueDecision = Extract<Decision, { action: 'due' }>;

export interface RenewalFacts {
  stack: Stack;
  containers: readonly ObservedContainer[];
  rows: readonly SeenRow[];
  /** Certificate -> whether its ACME server wants it renewed now; missing if the server does not say. */
  wanted: Readonly<Record<string, boolean | undefined>>;
  /** Also what is not due, and before the end of a wait. */
  force: boolean;
  now: Date;
}

/** Whether the opinion of the ACME server matters: nothing else than the end of its life is wrong with the certificate. */
export const dependsOnServer = ({ seen: { spec, pem, cause } }: SeenRow): boolean =>
  spec.issuer === 'acme' && pem !== undefined && (!cause || cause.startsWith('expires'));

/** Decides for each certificate whether it is kept, waits, or is renewed, and by which steps. */
export const planRenewal = (facts: RenewalFacts): Decision[] => facts.rows.map((row) => decide(row, facts));

function decide(row: SeenRow, facts: RenewalFacts): Decision {
  const { spec, served, nextTry, lastError } = row.seen;
  const { force, now } = facts;
  const cause = causeOf(row, facts.wanted[row.name]);
  if (spec.issuer === 'imported' && (cause || force))
    return { row, action: 'waits', cause: `${cause ?? 'is imported'}: medianest certs import` };
  if (force) return due(row, cause ?? 'is asked for', facts, true);
  if (cause && nextTry !== undefined && !mayTry({ nextTry }, now))
    return { row, action: 'waits', cause: `${cause}, but ${lastError}`, nextTry };
  if (cause) return due(row, cause, facts, true);
  if (row.status === 'not-served' && served.length > 0) return due(row, row.cause as string, facts, false);
  return { row, action: 'kept', cause: `is good until ${row.notAfter?.slice(0, 10)}` };
}

function causeOf(row: SeenRow, wanted: boolean | undefined): string | undefined {
  const { cause } = row.seen;
  if (!dependsOnServer(row) || wanted === undefined) return cause;
  if (wanted) return 'is to be renewed now, its CA says';
  return isNearEnd(row) ? cause : undefined;
}

/** A CA's window is a wish: a certificate that is about to expire is renewed whatever its CA says. */
const isNearEnd = (row: CertificateRow): boolean => row.status === 'expiring' && (row.daysLeft ?? 0) < 7;

/** @param issue false if the certificate is installed, and listeners do not serve it yet */
function due(row: SeenRow, cause: string, { stack, containers }: RenewalFacts, issue: boolean): DueDecision {
  const { spec, listeners } = row.seen;
  const [owner] = stack.services.filter((service) => reads(service, spec));
  const running = runningReaders(stack, spec, containers);
  const steps: CertificateStep[] = [{ kind: 'activate-certificate', ...activationOf(stack, spec, containers), cause }];
  if (issue && owner) steps.unshift({ kind: 'issue-certificate', certificate: spec, uid: owner.uid, image: owner.image.ref, cause });
  const stale = running.filter((service) => !service.reload && service.listeners?.length);
  const replace = listeners > 0 ? stale.map(({ component }) => component) : [];
  return { row, action: 'due', cause, steps, replace };
}

/** How a certificate is activated among these containers. */
export const activationOf = (stack: Stack, certificate: CertificateSpec, containers: readonly ObservedContainer[]): Activation => ({
  certificate,
  reload: runningReaders(stack, certificate, containers)
    .filter(({ reload }) => reload)
    .map(({ name }) => name),
});

const reads = (service: Service, spec: CertificateSpec): boolean => certificatesOf(service).some(({ name }) => name === spec.name);

const runningReaders = (stack: Stack, spec: CertificateSpec, containers: readonly ObservedContainer[]): Service[] =>
  stack.services.filter(
    (service) =>
      reads(service, spec) && containers.some((container) => container.service === service.name && container.state === 'running'),
  );

/** The last step, for services that read a certificate only when their container starts. */
export function replacement(decisions: readonly DueDecision[]): RenewalStep[] {
  const components = [...new Set(decisions.flatMap(({ replace }) => replace))];
  const cause = 'these services read a certificate only when their container starts';
  return components.length > 0 ? [{ kind: 'replace-containers', components, cause }] : [];
}

/** Every step in order, for a dry run. */
export function renewalSteps(decisions: readonly Decision[]): RenewalStep[] {
  const dues = decisions.filter((decision) => decision.action === 'due');
  return [...dues.flatMap(({ steps }) => steps), ...replacement(dues)];
}

/** One line for a person, in the present tense. */
export function describeRenewalStep(step: RenewalStep): string {
  switch (step.kind) {
    case 'issue-certificate':
      return `issue certificate ${step.certificate.name} for ${step.certificate.subjects.join(', ')}`;
    case 'activate-certificate':
      return `switch ${step.certificate.name} to the new certificate${
        step.reload.length > 0 ? `, reload ${step.reload.join(', ')} and check what each listener serves; switch back if that fails` : ''
      }`;
    case 'replace-containers':
      return `replace the containers of ${step.components.join(', ')}, as \`up\` does`;
  }
}
