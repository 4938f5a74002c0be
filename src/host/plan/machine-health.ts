import type { Check } from '../../capability/check.ts';
import type { Stack } from '../../stack/types.ts';
import type { HostFacts } from './facts.ts';
import { bytes, fail, ok, warn } from './finding.ts';
import { kernelFindings } from './machine.ts';

const LITTLE = 0.1;
const HARDLY_ANY = 0.04;

/**
 * Memory of the machine while the stack runs. @param available bytes that programs could still get (MemAvailable of proc(5)); undefined
 * where the engine runs on another machine
 */
export function memoryCheck(available: number | undefined, total: number): Check[] {
  if (available === undefined) return [];
  const text = `${bytes(available)} of ${bytes(total)} of memory is available`;
  const remedy = 'docker stats shows who takes it; use fewer replicas, or smaller memory limits (`memory:` of each service)';
  if (available < HARDLY_ANY * total) return [fail('memory', `${text}: the kernel may end programs at any time`, remedy)];
  return [available < LITTLE * total ? warn('memory', text, remedy) : ok('memory', text)];
}

/** Settings of the kernel that the stack needs. One that only could be better is told, and is no warning: `doctor` says it before the start. */
export const kernelChecks = (stack: Stack, kernel: HostFacts['kernel']): Check[] =>
  kernelFindings(stack, kernel).map(({ fix: _, ...found }) =>
    found.status === 'warn' ? { id: found.id, status: 'ok', message: `${found.message} (${found.remedy})` } : found,
  );
