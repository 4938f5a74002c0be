import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { composeArgs, type DockerCli } from '../docker/compose.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { composeFiles } from '../reconcile/compose-project.ts';
import { appliedValue } from '../reconcile/plan/facts.ts';
import { placedSecrets } from '../secrets/store/secret-files.ts';
import { certificatesOf } from '../stack/certificates.ts';
import type { CertificateSpec, Service, Stack } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import { installedSerial, switchCertificate } from './store/install.ts';
import { askListeners } from './store/listeners.ts';

export interface CertificateRun {
  context: Context;
  state: StateFolder;
  stack: Stack;
  engine: Engine;
  docker: DockerCli;
}

/** How long a listener may take until it serves what its service was told to read. */
const PATIENCE = 15_000;

const usersOf = (stack: Stack, name: string, containers: readonly ObservedContainer[]): Service[] =>
  stack.services.filter(
    (service) =>
      certificatesOf(service).some((spec) => spec.name === name) &&
      containers.some((container) => container.service === service.name && container.state === 'running'),
  );

/**
 * Switches to a certificate that was placed, has its services read it, and proves with a handshake at every listener that
 * they do. Where one does not, all go back to the certificate before.
 * @returns the services that take it only by a new container
 * @throws UserError CERTIFICATE_FAILED after going back
 */
export async function activate(run: CertificateRun, spec: CertificateSpec, serial: string, before: string | undefined): Promise<Service[]> {
  const { state, stack, engine } = run;
  const containers = await engine.observe(stack.project);
  const users = usersOf(stack, spec.name, containers);
  const reloading = users.filter(({ reload }) => reload);
  switchCertificate(state, spec.name, serial);
  const told: Service[] = [];
  try {
    for (const service of reloading) {
      told.push(service);
      await reload(run, service);
      await prove(run, spec, service, serial, containers);
    }
  } catch (error) {
    if (!before) throw error;
    switchCertificate(state, spec.name, before);
    for (const service of told) await reload(run, service).catch(() => undefined);
    throw new UserError(
      'CERTIFICATE_FAILED',
      `${(error as Error).message}; ${spec.name} is back at the certificate that was served before`,
      error instanceof UserError ? error.hint : 'medianest certs status shows what is served',
      { cause: error },
    );
  }
  for (const service of reloading) noteRead(state, service);
  return users.filter(({ reload: command }) => !command);
}

/** So that the next `up` does not reload for what was read already. */
function noteRead(state: StateFolder, service: Service): void {
  const serials = certificatesOf(service).map(({ name }) => installedSerial(state, name));
  const [config] = (state.applied(service.name) ?? '').split(' ');
  const secrets = service.reloadsSecrets ? placedSecrets(state, service.name) : undefined;
  state.markApplied(service.name, appliedValue(config || undefined, serials, secrets));
}

async function reload({ state, stack, docker }: CertificateRun, service: Service): Promise<void> {
  const args = ['exec', '--no-TTY', service.name, ...(service.reload ?? [])];
  const { exitCode, tail } = await docker.run(composeArgs(stack.project, state.root, composeFiles(state), ...args));
  if (exitCode === 0) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    `${service.name} refuses the new certificate: ${tail.slice(-3).join(' | ')}`,
    `medianest logs ${service.name} says why; then medianest certs renew`,
  );
}

async function prove(
  run: CertificateRun,
  spec: CertificateSpec,
  service: Service,
  serial: string,
  containers: readonly ObservedContainer[],
): Promise<void> {
  if (!service.listeners?.length) return;
  const own = containers.filter((container) => container.service === service.name);
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answers = await askListeners(run.stack, [spec], own);
    const wrong = answers.find(({ served, away }) => !away && served?.serial !== serial);
    if (!wrong) {
      const away = answers.filter((answer) => answer.away).map(({ at }) => at);
      if (away.length > 0)
        run.context.report.note(`${service.name} cannot be reached from here (${away.join(', ')}): what it serves is not proven`);
      return;
    }
    if (Date.now() > deadline) {
      throw new UserError(
        'CERTIFICATE_FAILED',
        `${service.name} at ${wrong.at} ${wrong.served ? `still serves certificate ${wrong.served.serial}` : 'does not answer in TLS'}, not ${serial}`,
        `medianest restart ${service.name}, then medianest certs renew`,
      );
    }
    await sleep(200);
  }
}

/** Has every running service that trusts the internal CA read its roots and lists again. */
export async function reloadReaders(run: CertificateRun): Promise<void> {
  const containers = await run.engine.observe(run.stack.project);
  const running = (name: string) => containers.some((container) => container.service === name && container.state === 'running');
  for (const service of run.stack.services) if (service.trust && service.reload && running(service.name)) await reload(run, service);
}
