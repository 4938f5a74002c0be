import path from 'node:path';
import { UserError } from '../core/errors.ts';
import type { DockerCli } from '../docker/compose.ts';
import { bindArgs } from '../docker/mount-args.ts';
import { certificatesOf, certificateTarget } from '../stack/certificates.ts';
import type { Mount, Service } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';

/**
 * Lets a service's own program read its new configuration, in a container that is thrown away: with its rules,
 * certificates and secrets, without its network and its data.
 * @throws UserError CONFIG_REFUSED with what the program says; nothing that runs was touched
 */
export async function proveConfig(
  state: StateFolder,
  service: Service,
  hash: string,
  docker: DockerCli,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = service.check ?? [];
  const isRead = ({ kind, readOnly }: Mount) => kind === 'bind' && readOnly;
  const mounted = (source: string, target: string) => bindArgs(path.resolve(state.root, source), target, 'readonly');
  const { exitCode, tail } = await docker.run(
    [
      ...['run', '--rm', '--network', 'none', '--read-only', '--cap-drop', 'ALL', '--user', String(service.uid), '--entrypoint', program],
      ...['/tmp', '/run', ...service.mounts.filter((mount) => !isRead(mount)).map(({ target }) => target)].flatMap((target) => [
        '--tmpfs',
        `${target}:mode=1777,uid=${service.uid},gid=${service.gid ?? service.uid}`,
      ]),
      ...mounted(`config/${service.name}/${hash}`, '/etc/medianest/current'),
      ...service.mounts.filter(isRead).flatMap(({ source, target }) => mounted(source, target)),
      ...certificatesOf(service).flatMap((spec) => mounted(`certs/${spec.name}`, certificateTarget(service, spec))),
      ...(service.secrets.length > 0 ? mounted(`secrets/${service.name}`, '/run/secrets') : []),
      ...(service.trust ? mounted('ca/trust', '/run/trust') : []),
      service.image.ref,
      ...args,
    ],
    { signal },
  );
  if (exitCode === 0) return;
  throw new UserError(
    'CONFIG_REFUSED',
    `${service.name} would not start with its new configuration: ${tail.slice(-3).join(' | ')}; what runs was not touched`,
    'correct the setting, or the rules or files that it names, and run `medianest up` again',
  );
}
