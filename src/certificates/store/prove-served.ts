import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../core/errors.ts';
import type { Engine } from '../../docker/types.ts';
import type { CertificateSpec, Stack } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { installedSerial } from './install.ts';
import { askListeners } from './listeners.ts';

const PATIENCE = 10_000;

/** After `up` has issued certificates: a handshake at every listener, which has to show them. @throws UserError PARTIAL */
export async function proveServed(state: StateFolder, stack: Stack, specs: readonly CertificateSpec[], engine: Engine): Promise<void> {
  if (specs.length === 0) return;
  const containers = await engine.observe(stack.project);
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answers = await askListeners(stack, specs, containers);
    const wrong = answers.find(({ certificate, served }) => served && served.serial !== installedSerial(state, certificate));
    if (!wrong) return;
    if (Date.now() > deadline) {
      throw new UserError(
        'PARTIAL',
        `${wrong.service} at ${wrong.at} still serves certificate ${wrong.served?.serial}, not the new one of ${wrong.certificate}`,
        `medianest restart ${wrong.service}, then medianest certs renew`,
      );
    }
    await sleep(300);
  }
}
