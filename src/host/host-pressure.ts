import { readFileSync } from 'node:fs';
import { somePressure } from './plan/pressure.ts';

/** How scarce processors are on this machine, in percent; undefined where its kernel does not measure that (psi=0, before Linux 4.20). */
export function processorPressure(): number | undefined {
  try {
    return somePressure(readFileSync('/proc/pressure/cpu', 'utf8'));
  } catch {
    return undefined;
  }
}
