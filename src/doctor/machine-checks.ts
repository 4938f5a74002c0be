import os from 'node:os';
import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { engineAddress } from '../docker/address.ts';
import { clockFacts, kernelSettings } from '../host/host-facts.ts';
import { meminfo } from '../host/host-memory.ts';
import { clockFindings } from '../host/plan/machine.ts';
import { kernelChecks, memoryCheck } from '../host/plan/machine-health.ts';
import { describe } from '../reconcile/prepare.ts';

/** For `health`: what of the machine can change while the stack runs. `doctor` looks at all of it. */
export async function machineChecks({ context, project, engine, containers }: Seen): Promise<Check[]> {
  if (containers.length === 0) return [];
  const asked = new Date();
  const [info, stack] = await Promise.all([engine.info(), describe(context, project.loaded)]);
  const here = engineAddress(context.env).local || info.name === os.hostname();
  return [
    ...memoryCheck(here ? meminfo().MemAvailable : undefined, info.memoryBytes),
    ...(here ? kernelChecks(stack, kernelSettings(stack)) : []),
    ...clockFindings(clockFacts(info, asked)).map(({ fix: _, ...check }) => check),
  ];
}
