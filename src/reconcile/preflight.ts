import os from 'node:os';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { engineAddress } from '../docker/address.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { kernelSettings } from '../host/host-facts.ts';
import { storageOf } from '../host/host-storage.ts';
import { examineRunning } from '../host/plan/preflight.ts';
import type { LeftOut, Stack } from '../stack/types.ts';

/**
 * What `doctor` would say of the engine and the machine, before the first container of a service is made. It costs one
 * question to the engine; what doctor asks of names, clocks and encryption is left to it.
 * @param leftOut what images are going to be pulled for
 */
export async function preflight(
  context: Context,
  stack: Stack,
  starting: ReadonlySet<string>,
  containers: readonly ObservedContainer[],
  engine: Engine,
  leftOut: readonly LeftOut[] = [],
): Promise<void> {
  const running = new Set(containers.map((container) => container.service));
  const known = stack.services.every((service) => service.oneOff || running.has(service.name));
  // Members may be about to be given more than there is.
  if (known && !stack.services.some((service) => service.member && starting.has(service.name))) return;
  const info = await engine.info();
  const { label, local } = engineAddress(context.env);
  const sameMachine = local || info.name === os.hostname();
  const findings = examineRunning({
    stack,
    engine: info,
    engineAt: { label, sameMachine },
    kernel: kernelSettings(stack),
    storage: sameMachine && info.rootDir ? storageOf(info.rootDir) : undefined,
    pulls: leftOut.map(({ image }) => image),
  });
  const bad = findings.find(({ status }) => status === 'fail');
  if (bad) {
    const code = bad.id === 'memory' ? 'NOT_ENOUGH_MEMORY' : 'HOST_UNFIT';
    throw new UserError(code, `${bad.message}; nothing was changed`, bad.remedy ?? 'medianest doctor');
  }
  // Said once: `doctor` repeats it.
  if (containers.length > 0 || leftOut.length > 0) return;
  for (const { message, remedy } of findings.filter(({ status }) => status === 'warn')) context.report.warn(`${message}\n  Fix: ${remedy}`);
}
