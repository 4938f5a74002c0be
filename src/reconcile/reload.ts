import { composeArgs, type DockerCli } from '../docker/compose.ts';
import { placedSecrets } from '../secrets/store/secret-files.ts';
import { certificatesOf } from '../stack/certificates.ts';
import type { Service } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import { composeFiles } from './compose-project.ts';
import { appliedValue } from './plan/facts.ts';

export interface ReloadContext {
  state: StateFolder;
  docker: DockerCli;
  project: string;
}

/**
 * Has a running service read its configuration, certificates and secrets again.
 * @returns what the service said last, if it refuses and keeps what it had
 */
export async function reloadService(
  { state, docker, project }: ReloadContext,
  { name, reload = [] }: Pick<Service, 'name' | 'reload'>,
): Promise<string | undefined> {
  const { exitCode, tail } = await docker.run(composeArgs(project, state.root, composeFiles(state), 'exec', '--no-TTY', name, ...reload));
  return exitCode === 0 ? undefined : tail.slice(-3).join(' | ');
}

/** Notes which certificates a service has read, so that the next `up` does not reload it for them. */
export function noteCertificatesRead(
  state: StateFolder,
  service: Pick<Service, 'name' | 'certificate' | 'alsoCertificates' | 'reloadsSecrets'>,
  serialOf: (certificate: string) => string | undefined,
): void {
  const serials = certificatesOf(service).map(({ name }) => serialOf(name));
  const [config] = (state.applied(service.name) ?? '').split(' ');
  const secrets = service.reloadsSecrets ? placedSecrets(state, service.name) : undefined;
  state.markApplied(service.name, appliedValue(config || undefined, serials, secrets));
}
