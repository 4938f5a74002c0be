import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { DockerCli } from '../docker/compose.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { noteCertificatesRead, reloadService } from '../reconcile/reload.ts';
import type { CertificateSpec, Service, Stack } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import type { Activation } from './plan/renewal-plan.ts';
import { installedSerial, switchCertificate } from './store/install.ts';
import { proveListeners } from './store/prove-served.ts';

export interface ActivationContext {
  context: Pick<Context, 'report' | 'signal'>;
  state: StateFolder;
  stack: Stack;
  engine: Engine;
  docker: DockerCli;
}

/** Milliseconds until a listener has to serve what its service was told to read. */
const TIMEOUT = 15_000;

/**
 * Switches to a certificate that is written already, reloads the services that read it, and proves by a handshake with every
 * listener that they serve it. If one does not, all return to the certificate before.
 * @throws UserError CERTIFICATE_FAILED or INTERRUPTED after the return
 */
export async function activate(
  run: ActivationContext,
  { certificate, reload }: Activation,
  serial: string,
  before: string | undefined,
): Promise<void> {
  const { state, stack, engine } = run;
  const services = stack.services.filter(({ name }) => reload.includes(name));
  const containers = await engine.observe(stack.project);
  switchCertificate(state, certificate.name, serial);
  const reloaded: Service[] = [];
  try {
    for (const service of services) {
      reloaded.push(service);
      await reloadOrThrow(run, service);
      await prove(run, certificate, service, serial, containers);
    }
  } catch (error) {
    if (!before) throw error;
    switchCertificate(state, certificate.name, before);
    for (const service of reloaded) await reloadOrThrow(run, service).catch(() => undefined);
    throw new UserError(
      error instanceof UserError && error.code === 'INTERRUPTED' ? 'INTERRUPTED' : 'CERTIFICATE_FAILED',
      `${(error as Error).message}; ${certificate.name} is back at the certificate that was served before`,
      error instanceof UserError ? error.hint : 'medianest certs status shows what is served',
      { cause: error },
    );
  }
  for (const service of services) noteCertificatesRead(state, service, (name) => installedSerial(state, name));
}

/** Reloads every running service that trusts the internal CA, so that it reads the roots and lists again. */
export async function reloadTrust(run: ActivationContext): Promise<void> {
  const containers = await run.engine.observe(run.stack.project);
  const running = (name: string) => containers.some((container) => container.service === name && container.state === 'running');
  for (const service of run.stack.services) if (service.trust && service.reload && running(service.name)) await reloadOrThrow(run, service);
}

async function reloadOrThrow({ stack, ...run }: ActivationContext, service: Service): Promise<void> {
  const refusal = await reloadService({ ...run, project: stack.project }, service);
  if (refusal === undefined) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    `${service.name} refuses the new certificate: ${refusal}`,
    `medianest logs ${service.name} says why; then medianest certs renew`,
  );
}

async function prove(
  { stack, context, engine }: ActivationContext,
  spec: CertificateSpec,
  { name, listeners = [] }: Service,
  serial: string,
  containers: readonly ObservedContainer[],
): Promise<void> {
  if (listeners.length === 0) return;
  const { signal } = context;
  const proof = await proveListeners({
    ...{ stack, specs: [spec], containers, only: name, engine, serialOf: () => serial, silenceCounts: true },
    ...{ timeout: TIMEOUT, signal },
  });
  if (!proof.ok) {
    const { at, served } = proof.wrong;
    throw new UserError(
      'CERTIFICATE_FAILED',
      `${name} at ${at} ${served ? `still serves certificate ${served.serial}` : 'does not answer in TLS'}, not ${serial}`,
      `medianest restart ${name}, then medianest certs renew`,
    );
  }
  const away = proof.answers.filter((answer) => answer.away).map(({ at }) => at);
  if (away.length > 0) context.report.note(`${name} cannot be reached from here (${away.join(', ')}): what it serves is not proven`);
}
