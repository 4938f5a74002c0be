import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import type { Engine } from '../../docker/types.ts';
import type { CertificateSpec, Stack } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { installedSerial } from './install.ts';
import { askListeners, type ServedAt } from './listeners.ts';

const PATIENCE = 10_000;

/** After `up` has issued certificates: a handshake at every listener, which has to show them. @throws UserError PARTIAL */
export async function proveServed(
  state: StateFolder,
  stack: Stack,
  specs: readonly CertificateSpec[],
  engine: Engine,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  if (specs.length === 0) return;
  const containers = await engine.observe(stack.project);
  let wrong = undefined as ServedAt | undefined;
  const proven = await poll(
    async () => {
      const answers = await askListeners(stack, specs, containers);
      wrong = answers.find(({ certificate, served }) => served && served.serial !== installedSerial(state, certificate));
      return wrong ? undefined : true;
    },
    { every: 300, timeout: PATIENCE, signal },
  );
  if (proven || !wrong) return;
  throw new UserError(
    'PARTIAL',
    `${wrong.service} at ${wrong.at} goes on with certificate ${wrong.served?.serial}, not the new one of ${wrong.certificate}`,
    `medianest restart ${wrong.service}, then medianest certs renew`,
  );
}
